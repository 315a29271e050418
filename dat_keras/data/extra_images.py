"""Extra training images: an `.npz` file, a folder, or a data set by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dat_keras.data.base import DataNotFoundError
from dat_keras.data.catalog import find
from dat_keras.data.folders import (
    check_classes,
    read_classes,
    read_unlabelled,
)
from dat_keras.data.npz_file import read_npz
from dat_keras.data.split import Split


def read_extra(
    source: str, real: Split, data_dir: Path | None, labelled: bool = True
) -> Split:
    """Reads extra images for a training set.

    Args:
        source: An `.npz` file (see `npz_file`); a folder with `<class>/` or
            `train/<class>/` inside, where images without labels may lie
            anywhere; or the name of a data set, of which all training images
            are read.
        real: The training set, whose image size and classes they must have.
        data_dir: Folder of prepared data sets.
        labelled: Whether they are read with their labels; otherwise each
            label is 0.

    Raises:
        DataNotFoundError: If there is nothing of that name.
        DamagedFileError: If a file cannot be read.
        ValueError: If images or classes do not fit the training set.
    """
    check_source(source)
    path = Path(source).expanduser()
    if path.suffix == ".npz":
        found = read_npz(path, real.class_names, path.name, labelled)
    elif path.is_dir():
        found = _of_folder(path, real, labelled)
    else:
        found = _of_name(source, real, data_dir, labelled)
    if found.image_shape != real.image_shape:
        raise ValueError(
            f"Extra images must have the size of those of {real.name}, "
            f"{real.image_shape}. Received: {found.image_shape} in {source}"
        )
    return found


def check_source(source: str) -> None:
    """Refuses the path of a file or folder that is not there; reads nothing.

    Args:
        source: See `read_extra`. What looks like a name passes.

    Raises:
        DataNotFoundError: If it is missing.
    """
    path = Path(source).expanduser()
    is_file = path.suffix == ".npz"
    if (is_file and not path.is_file()) or (
        not is_file and source.startswith(("/", "~", ".")) and not path.is_dir()
    ):
        raise DataNotFoundError(
            "Extra images must be an .npz file, a folder of images, or the "
            f"name of a data set. Received: {source}, which is not there"
        )


def _of_folder(path: Path, real: Split, labelled: bool) -> Split:
    inside = path / "train"
    folder = inside if inside.is_dir() else path
    if not labelled:
        return read_unlabelled(folder, real.class_names, path.name)
    check_classes(folder, real.class_names, real.name)
    return read_classes(folder, real.class_names, path.name)


def _of_name(
    source: str, real: Split, data_dir: Path | None, labelled: bool
) -> Split:
    found = find(source, data_dir).open(data_dir)["train"]()
    if not labelled:
        labels = np.zeros(len(found), np.int32)
        return Split(found.images, labels, real.class_names, found.name)
    if found.class_names != real.class_names:
        raise ValueError(
            f"Extra images must have the classes of {real.name}, "
            f"{', '.join(real.class_names[:4])}, ..., or be labelled by a "
            f"model. Received: {', '.join(found.class_names[:4])}, ... in "
            f"{source}"
        )
    return found
