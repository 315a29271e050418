"""`SpectralReport`: the numbers of an analysis, as a file and as figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dat_keras.analysis.model_spectra import (
    BandCount,
    ModelSpectra,
    Recombined,
    SwapCounts,
)
from dat_keras.analysis.notebook import check_notebook, show_figures
from dat_keras.analysis.radial import RingProfile
from dat_keras.analysis.spectral_numbers import SpectralNumbers
from dat_keras.evaluation.results import Caution
from dat_keras.utils.config import decode, encode
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_json


@dataclass(frozen=True)
class SpectralReport(SpectralNumbers):
    """What `analyze` returns.

    `print(report)` shows the main table, a notebook shows it where the report
    ends a cell, and `report.show()` the figures of its numbers there.

    Args:
        models: See `SpectralNumbers`, and so the others.
    """

    def show(self) -> None:
        """Shows the figures in a notebook.

        Figures of images are only in the folder that `analyze(output=...)`
        writes.

        Raises:
            MissingPackageError: Without matplotlib or IPython.
        """
        check_notebook()
        from dat_keras.analysis.curve_plots import number_figures

        show_figures(figure for _, _, figure in number_figures(self))

    def save(self, path: Path) -> None:
        """Writes the report as JSON, atomically."""
        write_json(Path(path), encode(self))

    @classmethod
    def read(cls, path: Path) -> SpectralReport:
        """Reads what `save` wrote.

        Raises:
            DamagedFileError: If it is no such file.
        """
        try:
            report = decode(json.loads(Path(path).read_text()), CLASSES)
        except (OSError, ValueError, TypeError) as error:
            raise DamagedFileError(f"cannot read {path}: {error}") from None
        if not isinstance(report, cls):
            raise DamagedFileError(f"{path} is no spectral report")
        return report


CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        SpectralReport,
        ModelSpectra,
        SwapCounts,
        BandCount,
        Recombined,
        RingProfile,
        Caution,
    )
}
"""What a file of a report may hold."""
