"""`RunRecord`: what a run folder says of its training, read as plain data."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

from dat_keras.recipes import Recipe
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.config import encode
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.run_folder import RunFolder

COSTS = "costs.json"
"""File of measured costs in the run folders of `dat-keras compare`."""
_OTHER = ("epoch", "step", "seconds", "learning_rate", "rate_factor")


@dataclass(frozen=True)
class RunRecord:
    """The training of a run.

    Args:
        recipe: Its settings.
        class_names: Names of the classes.
        columns: Names of the columns of its history.
        rows: Numbers of each epoch, in the order of the columns; NaN where
            an epoch has none.
        seconds_per_step: Median time of a step, if it was measured.
        peak_memory: In bytes, likewise.
    """

    recipe: Recipe
    class_names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    seconds_per_step: float | None = None
    peak_memory: float | None = None

    @classmethod
    def read(cls, path: Path | str) -> RunRecord:
        """Reads a run folder.

        Args:
            path: The folder.

        Raises:
            RunFolderError: If it is no run folder.
            DamagedFileError: If a file of it cannot be read.
        """
        run = RunFolder(Path(path))
        run.check_recipe()
        info = RunInfo.read(run.recipe)
        columns, rows = _history(run.history)
        costs = _costs(run.path / COSTS)
        return cls(
            info.recipe,
            info.class_names,
            columns,
            rows,
            costs.get("seconds_per_step"),
            costs.get("peak_memory"),
        )

    def column(self, name: str) -> list[float]:
        """Returns a column of the history."""
        i = self.columns.index(name)
        return [row[i] for row in self.rows]

    @property
    def terms(self) -> list[str]:
        """Columns that are losses, or terms of one."""
        return [
            name
            for name in self.columns
            if name not in _OTHER and "accuracy" not in name
        ]

    @property
    def accuracies(self) -> list[str]:
        """Columns that are accuracies, in `[0, 1]`."""
        return [name for name in self.columns if "accuracy" in name]

    def settings(self) -> dict[str, str]:
        """Returns the recipe as text, by dotted path.

        The class of a part stands at the path of the part.
        """
        return dict(_flat("", encode(self.recipe)))


def _flat(path: str, value: object) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(path, json.dumps(value).strip('"'))]
    found = []
    for name, inner in value.items():
        if name == "class":
            found += [(path, str(inner))] if path else []
        else:
            found += _flat(f"{path}.{name}".lstrip("."), inner)
    return found


def _history(
    path: Path,
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    if not path.exists():
        return (), ()
    try:
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        numbers = tuple(
            tuple(float(cell) if cell else math.nan for cell in row)
            for row in rows
        )
        if any(len(row) != len(header) for row in numbers):
            raise ValueError("a row has another number of cells")
    except (OSError, ValueError, csv.Error) as error:
        raise DamagedFileError(f"cannot read {path}: {error}") from None
    return tuple(header), numbers


def _costs(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        costs = json.loads(path.read_text())
        return {name: float(value) for name, value in costs.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"cannot read {path}: {error}") from None
