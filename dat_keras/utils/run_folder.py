"""Run folders: what a training run leaves on disk, as paths.

recipe.json                 the resolved recipe and what made it
best.safetensors            classifier of the best epoch on validation
last.safetensors            classifier after the last epoch
history.csv                 one row an epoch
checkpoints/step-########/  the whole state, to resume from
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dat_keras.utils.errors import DamagedFileError, RunFolderError
from dat_keras.utils.files import clear
from dat_keras.utils.locks import locked


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run.

    Args:
        path: The run's folder.

    Example:
    >>> RunFolder(Path("runs/a")).weights("best").as_posix()
    'runs/a/best.safetensors'
    """

    path: Path

    @property
    def recipe(self) -> Path:
        """The recipe's file."""
        return self.path / "recipe.json"

    @property
    def history(self) -> Path:
        """The table of epochs."""
        return self.path / "history.csv"

    @property
    def checkpoints(self) -> Path:
        """The folder of step checkpoints."""
        return self.path / "checkpoints"

    def weights(self, which: str) -> Path:
        """Returns the file of the `"best"` or `"last"` weights."""
        return self.path / f"{which}.safetensors"

    def check_resumable(self) -> None:
        """Refuses a folder without a run.

        Raises:
            RunFolderError: If it holds none.
        """
        if not self.recipe.exists():
            raise RunFolderError(f"{self.path} holds no run to resume")

    def check_loadable(self, weights: str) -> None:
        """Refuses a folder without a recipe, or without these weights.

        Args:
            weights: `"best"` or `"last"`.

        Raises:
            RunFolderError: If it is no run folder.
            DamagedFileError: If the run has no such weights yet.
        """
        if not self.recipe.is_file():
            raise RunFolderError(
                f"{self.path} is neither a run folder nor a .keras file."
                f"{_near(self.path)}"
            )
        if not self.weights(weights).is_file():
            raise DamagedFileError(
                f"{self.path} has no {weights} weights yet: train it, or "
                "--resume it"
            )

    @contextmanager
    def prepared(
        self, resume: bool = False, overwrite: bool = False
    ) -> Iterator[None]:
        """Makes the folder, and keeps other trainings out inside a `with`.

        Args:
            resume: Take a folder that holds a run.
            overwrite: Remove a run that is there.

        Raises:
            RunFolderError: If it holds a run and neither flag is given, or
                other files; with `resume`, if it holds no run; if another
                process trains in it.
        """
        if resume:
            self.check_resumable()
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path):
            if not resume:
                self._clear(overwrite)
            yield

    def _clear(self, overwrite: bool) -> None:
        is_run = self.recipe.exists()
        if is_run and overwrite:
            clear(self.path)
        elif any(self.path.iterdir()):
            what = "a run" if is_run else "other files"
            raise RunFolderError(
                f"{self.path} already holds {what}: choose another --output"
                + (", or pass --resume or --overwrite" if is_run else "")
            )


def _near(path: Path) -> str:
    """The question whether a run beside a misspelt path was meant."""
    there = path.parent.iterdir() if path.parent.is_dir() else ()
    runs = [p.name for p in there if RunFolder(p).recipe.is_file()]
    found = difflib.get_close_matches(path.name, runs, n=1)
    return f" Did you mean '{path.with_name(found[0])}'?" if found else ""
