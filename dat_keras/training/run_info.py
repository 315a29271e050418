"""What a run folder holds, read back: its recipe and its classifier."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.architectures import branches_of
from dat_keras.core.weights import fingerprint, load_weights
from dat_keras.data import Split
from dat_keras.recipes import CLASSES, Recipe
from dat_keras.training.pretrained_source import read_net
from dat_keras.utils.config import decode, encode
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_json
from dat_keras.utils.run_folder import RunFolder


@dataclass(frozen=True)
class SplitRecord:
    """By what a run knows its images again.

    Args:
        images: How many there are.
        sha256: Of labels, image shape and names of files.
    """

    images: int
    sha256: str

    @classmethod
    def of(cls, split: Split) -> SplitRecord:
        """Returns the record of a split, without reading its images."""
        return cls(len(split), split.outline())


@dataclass(frozen=True)
class RunInfo:
    """What `recipe.json` says: the recipe and the shape of its data.

    Args:
        recipe: The resolved recipe.
        image_shape: `(H, W, C)`.
        class_names: Names of the classes, in the order of the labels.
        data_dir: Where the data set was, if somewhere special.
        train: The training images; `None` in older runs.
        validation: The validation images of the data set, likewise.
    """

    recipe: Recipe
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    data_dir: str | None = None
    train: SplitRecord | None = None
    validation: SplitRecord | None = None

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        train: Split,
        validation: Split,
        data_dir: Path | None = None,
    ) -> RunInfo:
        """Describes a run.

        Args:
            recipe: The resolved recipe.
            train: Its training images, without extra ones.
            validation: All validation images of the data set.
            data_dir: Folder of prepared data sets.
        """
        return cls(
            recipe,
            train.image_shape,
            train.class_names,
            None if data_dir is None else str(data_dir),
            SplitRecord.of(train),
            SplitRecord.of(validation),
        )

    def write(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        write_json(path, encode(self))

    @classmethod
    def read(cls, path: Path) -> RunInfo:
        """Reads the file.

        Raises:
            DamagedFileError: If it is not such a file.
        """
        try:
            info = decode(json.loads(path.read_text()), INFO_CLASSES)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise DamagedFileError(f"cannot read {path}: {error}") from None
        if not isinstance(info, cls):
            raise DamagedFileError(f"{path} is no run's recipe")
        return info


INFO_CLASSES = {
    **CLASSES,
    "RunInfo": RunInfo,
    "SplitRecord": SplitRecord,
}


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


def load_teacher(name: str) -> keras.Model:
    """The classifier that a method of distillation names, on its best weights.

    Args:
        name: A run folder or a `.keras` file. `dat_keras.load_model` in its
            place also knows the zoo.
    """
    return load_classifier(name).model


def load_classifier(
    path: Path | str, weights: str = "best"
) -> LoadedClassifier:
    """The classifier of a run folder or of a `.keras` file.

    A run folder is read as plain data. A `.keras` file, and the layers of a
    run that began at a pretrained net, are deserialised by Keras, in its safe
    mode: name only those that you trust.

    Args:
        path: A run folder or a `.keras` file.
        weights: `"best"`, `"last"` or `"last-good"`, for a run folder.

    Raises:
        RunFolderError: If the path is neither.
        DamagedFileError: If a file of it is missing or damaged.
    """
    path = Path(path)
    if path.suffix == ".keras" and path.is_file():
        model = _read_keras(path)
        return LoadedClassifier(model, path.name, fingerprint(model))
    run = RunFolder(path)
    run.check_loadable(weights)
    info = RunInfo.read(run.recipe)
    recipe, classes = info.recipe, len(info.class_names)
    if recipe.init is None:
        model = recipe.classifier(info.image_shape, classes)
    else:
        model = read_net(run.net, recipe.objective.branches)
    digest = load_weights(model, run.weights(weights))
    return LoadedClassifier(model, path.name, digest, info)


def _read_keras(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except ValueError as error:
        if "Lambda" not in str(error):
            raise
        raise DamagedFileError(
            f"{path} holds a Lambda layer, whose code Keras would run: replace "
            "it by a layer of Keras or a registered class"
        ) from None
