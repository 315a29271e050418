"""`SpectralNumbers`: results of a spectral analysis, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dat_keras.analysis.html_page import Cells
from dat_keras.analysis.model_spectra import (
    VARIANTS,
    ModelSpectra,
)
from dat_keras.utils.data_frame import data_frame
from dat_keras.utils.html import fragment
from dat_keras.utils.intervals import proportion, wilson
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.text_table import plain

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class SpectralNumbers:
    """Accuracies with amplitude and phase attacked apart, and their settings.

    Args:
        models: One per classifier.
        data: Name of the data.
        data_fingerprint: sha256 of the images and labels.
        n_examples: Number of images.
        whole: Whether these are all images of the data.
        norm: Key of `THREAT_MODELS`.
        attack: Key of `ATTACKS`; the last iterate is taken.
        settings: The attack at the largest radius, as `repr` prints it.
        seed: Seed of all draws.
        batch_size: Images per batch; only recombined images depend on it.
        versions: Versions of the software, as pairs.
        date: Day of the analysis, UTC, `YYYY-MM-DD`.
    """

    models: tuple[ModelSpectra, ...]
    data: str
    data_fingerprint: str
    n_examples: int
    whole: bool
    norm: str
    attack: str
    settings: str
    seed: int
    batch_size: int
    versions: tuple[tuple[str, str], ...]
    date: str

    def __str__(self) -> str:
        """Returns title, main table, findings and cautions."""
        lines = [self.title(), plain(self.cells()), *self.findings()]
        return "\n".join(lines + self.notes())

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        lines = self.findings() + self.notes()
        return fragment(self.title(), self.cells(), lines)

    def to_pandas(self) -> pandas.DataFrame:
        """Returns a row for each model, radius and kind of image.

        `image` is one of `VARIANTS`, `l2` the mean norm of its change.

        Raises:
            MissingPackageError: If pandas is not installed.
        """
        return data_frame(
            {
                "model": m.name,
                "eps": swap.eps,
                "image": kind,
                **proportion(n, self.n_examples),
                "l2": l2,
            }
            for m in self.models
            for swap in m.swaps
            for kind, n, l2 in zip(VARIANTS, swap.correct, swap.l2, strict=True)
        )

    def title(self, all_radii: bool = False) -> str:
        """Returns what was measured, in one line.

        Args:
            all_radii: Whether to name every radius, not the largest alone.
        """
        swaps = self.models[0].swaps if all_radii else self.models[0].swaps[-1:]
        radii = ", ".join(pixel_fraction(swap.eps) for swap in swaps)
        return (
            f"{'all' if self.whole else 'the first'} {self.n_examples} images "
            f"of {self.data}, {self.norm} eps {radii}, {self.attack}, "
            f"seed {self.seed}"
        )

    def cells(self) -> Cells:
        """Returns accuracies at the largest radius, a row for each model."""
        header = ["model", *VARIANTS, "costs more"]
        return [header] + [
            [m.name, *self._shares(m.largest.correct), m.largest.costlier()]
            for m in self.models
        ]

    def curve_cells(self) -> Cells:
        """Returns accuracies and sizes of the change at every radius."""
        sizes = [f"|{name} - x|" for name in VARIANTS[1:]]
        return [["model", "eps", *VARIANTS, *sizes, "costs more"]] + [
            [
                m.name,
                pixel_fraction(swap.eps),
                *self._shares(swap.correct),
                *(f"{size:.3f}" for size in swap.l2[1:]),
                swap.costlier(),
            ]
            for m in self.models
            for swap in m.swaps
        ]

    def band_cells(self) -> Cells:
        """Returns accuracies with a band swapped, a row for each band."""
        first = self.models[0]
        columns = [[b.correct for b in m.bands] for m in self.models]
        natural = [m.largest.correct[0] for m in self.models]
        rows = [["none", *self._shares(natural)]]
        for band, *correct in zip(first.bands, *columns, strict=True):
            rows.append([band.name, *self._shares(correct)])
        return [["band", *(m.name for m in self.models)], *rows]

    def ring_cells(self) -> Cells:
        """Returns what the attack changes by ring, three columns a model."""
        header = ["cycles per pixel", "white noise"]
        for m in self.models:
            header += [
                f"{m.name}: {what}"
                for what in ("energy", "phase change", "log-amplitude change")
            ]
        first = self.models[0].profile
        rows = []
        for i, length in enumerate(first.frequencies):
            row = [f"{length:.3f}", f"{100 * first.white_shares[i]:.1f} %"]
            for p in (m.profile for m in self.models):
                row += [
                    f"{100 * p.energy_shares[i]:.1f} %",
                    f"{p.phase_change[i]:.3f}",
                    f"{p.log_amplitude_change[i]:.3f}",
                ]
            rows.append(row)
        return [header, *rows]

    def recombined_cells(self) -> Cells:
        """Returns accuracies on recombined images; no row without one."""
        found = [(m.name, m.recombined) for m in self.models if m.recombined]
        if not found:
            return []
        header = [
            "model",
            *(f"ratio {ratio:g}" for ratio in found[0][1].ratios),
        ]
        return [header] + [
            [name, *self._shares(recombined.correct)]
            for name, recombined in found
        ]

    def findings(self) -> list[str]:
        """Returns in words which half costs more, one line for each model."""
        lines = []
        for m in self.models:
            swap, n = m.largest, self.n_examples
            amp, pha = (f"{100 * c / n:.1f} %" for c in swap.correct[2:])
            verdict = {
                "amplitude": "the amplitude's half costs more",
                "phase": "the phase's half costs more",
                "neither": f"{n} images show no difference",
            }[swap.costlier()]
            lines.append(
                f"{m.name}: {verdict} (x'_amp {amp}, x'_pha {pha}; "
                f"images wrong as x'_amp alone: {swap.only_amplitude}, "
                f"as x'_pha alone: {swap.only_phase})"
            )
        return lines

    def notes(self) -> list[str]:
        """Returns the cautions, one line each."""
        return [
            f"warning: {m.name}: {caution.code}: {caution.advice}"
            for m in self.models
            for caution in m.cautions
        ]

    def interval(self, correct: int) -> tuple[float, float]:
        """Returns the 95 % interval of an accuracy, as shares."""
        return wilson(correct, self.n_examples)

    def _shares(self, correct: list[int] | tuple[int, ...]) -> list[str]:
        """Accuracies with their intervals, in percent."""
        texts = []
        for count in correct:
            low, high = (100 * end for end in self.interval(count))
            share = 100 * count / self.n_examples
            texts.append(f"{share:.1f} % [{low:.1f}, {high:.1f}]")
        return texts
