"""Run folders: what a training run leaves on disk, and how it is read back.

recipe.json                 the resolved recipe and what made it
best.safetensors            classifier of the best epoch on validation
last.safetensors            classifier after the last epoch
history.csv                 one row an epoch
checkpoints/step-########/  the whole state, to resume from
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.architectures import branches_of
from dat_keras.config import decode, encode
from dat_keras.errors import DamagedFileError, RunFolderError
from dat_keras.files import clear, write_whole
from dat_keras.locks import locked
from dat_keras.recipes import CLASSES, Recipe
from dat_keras.weights import fingerprint, load_weights


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


@dataclass(frozen=True)
class RunInfo:
    """What `recipe.json` says: the recipe and the shape of its data.

    Args:
        recipe: The resolved recipe.
        image_shape: `(H, W, C)`.
        class_names: Names of the classes, in the order of the labels.
        data_dir: Where the data set was, if somewhere special.
    """

    recipe: Recipe
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    data_dir: str | None = None

    def write(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        text = json.dumps(encode(self), indent=2) + "\n"
        write_whole(path, lambda file: file.write(text.encode()))

    @classmethod
    def read(cls, path: Path) -> RunInfo:
        """Reads the file.

        Raises:
            DamagedFileError: If it is not such a file.
        """
        try:
            info = decode(json.loads(path.read_text()), INFO_CLASSES)
        except (OSError, ValueError, TypeError) as error:
            raise DamagedFileError(f"cannot read {path}: {error}") from None
        if not isinstance(info, cls):
            raise DamagedFileError(f"{path} is no run's recipe")
        return info


INFO_CLASSES = {**CLASSES, "RunInfo": RunInfo}


@dataclass(frozen=True)
class LoadedClassifier:
    """A classifier and where it comes from.

    Args:
        model: Maps images to logits.
        name: What to call it in a table.
        fingerprint: sha256 of its weights.
        info: What its run folder says; `None` for a bare model file.
    """

    model: keras.Model
    name: str
    fingerprint: str
    info: RunInfo | None = None

    @property
    def branches(self) -> int:
        """Number of its BatchNorm branches."""
        return branches_of(self.model)


def load_classifier(
    path: Path | str, weights: str = "best"
) -> LoadedClassifier:
    """The classifier of a run folder or of a `.keras` file.

    A run folder is read as plain data. A `.keras` file is deserialised by
    Keras, in its safe mode: name only files that you trust.

    Args:
        path: A run folder or a `.keras` file.
        weights: `"best"` or `"last"`, for a run folder.

    Raises:
        RunFolderError: If the path is neither.
        DamagedFileError: If a file of it is missing or damaged.
    """
    path = Path(path)
    if path.suffix == ".keras" and path.is_file():
        model = keras.saving.load_model(path, compile=False)
        return LoadedClassifier(model, path.name, fingerprint(model))
    run = RunFolder(path)
    if not run.recipe.is_file():
        raise RunFolderError(
            f"{path} is neither a run folder nor a .keras file.{_near(path)}"
        )
    info = RunInfo.read(run.recipe)
    if not run.weights(weights).is_file():
        raise DamagedFileError(
            f"{path} has no {weights} weights yet: train it, or --resume it"
        )
    model = info.recipe.classifier(info.image_shape, len(info.class_names))
    digest = load_weights(model, run.weights(weights))
    return LoadedClassifier(model, path.name, digest, info)


def _near(path: Path) -> str:
    """The question whether a run beside a misspelt path was meant."""
    there = path.parent.iterdir() if path.parent.is_dir() else ()
    runs = [p.name for p in there if RunFolder(p).recipe.is_file()]
    found = difflib.get_close_matches(path.name, runs, n=1)
    return f" Did you mean '{path.with_name(found[0])}'?" if found else ""
