"""Run folders: what a training run leaves on disk, as paths.

recipe.json                 the resolved recipe and what made it
net.json                    layers of a net that a run began at (`--init`)
extra.npz                   rows, labels and sha256 of extra images (`--extra`)
best.safetensors            classifier of the best epoch on validation
last.safetensors            classifier after the last epoch
last-good.safetensors       single-step methods: classifier after the last
                            epoch without catastrophic overfitting
history.csv                 one row an epoch
checkpoints/step-########/  the whole state, to resume from
logs/                       what `--log` needs, TensorBoard's files
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dat_keras.utils.errors import DamagedFileError, RunFolderError
from dat_keras.utils.files import (
    check_writable,
    clear,
    clear_temporaries,
    contents,
)
from dat_keras.utils.locks import locked

WEIGHTS = ("best", "last", "last-good")
"""The weights that a run folder may hold."""


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
    def net(self) -> Path:
        """The layers of a pretrained net."""
        return self.path / "net.json"

    @property
    def extra(self) -> Path:
        """Which extra images are trained on, with their labels."""
        return self.path / "extra.npz"

    @property
    def history(self) -> Path:
        """The table of epochs."""
        return self.path / "history.csv"

    @property
    def checkpoints(self) -> Path:
        """The folder of step checkpoints."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """The folder of the logs that a run was asked for."""
        return self.path / "logs"

    @property
    def logged_images(self) -> Path:
        """The folder of TensorBoard's images."""
        return self.logs / "images"

    def weights(self, which: str) -> Path:
        """Returns the file of weights, one of `WEIGHTS`."""
        return self.path / f"{which}.safetensors"

    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return self.recipe.is_file()

    def check_free(self, resume: bool = False, overwrite: bool = False) -> None:
        """Refuses a folder that a run cannot use, and leaves it as it is.

        Args:
            resume: See `claimed`.
            overwrite: See `claimed`.

        Raises:
            RunFolderError: If it holds a run and neither flag is given, or
                other files, or if it cannot be written.
        """
        parents = (self.path, *self.path.absolute().parents)
        existing = next(path for path in parents if path.exists())
        try:
            check_writable(existing)
        except OSError as error:
            raise RunFolderError(
                f"cannot write to {self.path}: {error.strerror}"
            ) from None
        is_run = self.recipe.exists()
        if (is_run and (resume or overwrite)) or not self.path.exists():
            return
        if contents(self.path):
            what = "a run" if is_run else "other files"
            raise RunFolderError(
                f"{self.path} already holds {what}: choose another --output"
                + (", or pass --resume or --overwrite" if is_run else "")
            )

    def discard(self) -> None:
        """Removes the files of a run in which nothing was trained."""
        clear(self.path)

    def check_recipe(self) -> None:
        """Refuses a folder without a recipe.

        Raises:
            RunFolderError: If it is no run folder.
        """
        if not self.recipe.is_file():
            raise RunFolderError(
                f"{self.path} is neither a run folder nor a .keras file."
                f"{_near(self.path)}"
            )

    def check_loadable(self, weights: str) -> None:
        """Refuses a folder without a recipe, or without these weights.

        Args:
            weights: One of `WEIGHTS`.

        Raises:
            RunFolderError: If it is no run folder.
            DamagedFileError: If the run has no such weights yet.
        """
        self.check_recipe()
        if not self.weights(weights).is_file():
            raise DamagedFileError(
                f"{self.path} has no {weights} weights yet: train it, or "
                "--resume it"
            )

    @contextmanager
    def claimed(
        self, resume: bool = False, overwrite: bool = False
    ) -> Iterator[None]:
        """Makes the folder, and keeps other trainings out inside a `with`.

        A folder that was made here and holds nothing in the end is removed,
        and so is what a killed training left unfinished.

        Args:
            resume: Take a folder that holds a run.
            overwrite: Remove a run that is there.

        Raises:
            RunFolderError: If it holds a run and neither flag is given, or
                other files; if another process trains in it.
        """
        made = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.path):
                self.check_free(resume, overwrite)
                if overwrite:
                    clear(self.path)
                for folder in (self.path, self.checkpoints):
                    clear_temporaries(folder)
                yield
        finally:
            if made and not contents(self.path):
                shutil.rmtree(self.path)


def _near(path: Path) -> str:
    """Suggests a run whose path is close to a misspelt one."""
    there = path.parent.iterdir() if path.parent.is_dir() else ()
    runs = [p.name for p in there if RunFolder(p).recipe.is_file()]
    found = difflib.get_close_matches(path.name, runs, n=1)
    return f" Did you mean '{path.with_name(found[0])}'?" if found else ""
