"""Data sets as plain folders of images: `train/<class>/*.png`."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from dat_keras.data.base import DataNotFoundError, Dataset, SplitReaders
from dat_keras.data.lazy_images import LazyImages, read_if_fits
from dat_keras.data.read_ahead import in_threads
from dat_keras.data.split import Split

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Endings of image files, in any case; other files are ignored."""

CHUNK = 256
"""Images that are decoded before they are put into their array."""

_FOLDERS = {"train": "train", "validation": "validation", "val": "validation"}
_FOLDERS |= {"test": "test"}


@dataclass(frozen=True)
class ImageFolders(Dataset):
    """Images in `<path>/<part>/<class>/`, with the class as folder name.

    Splits are `train`, and if they exist `validation` (or `val`) and `test`.
    The classes are the folders of `train`, in the order of their names. All
    images must have one size; grey ones become RGB.

    Args:
        path: The folder.
        in_memory: Whether images are decoded once and kept; otherwise a batch
            decodes its own, ahead of the step. Default: whether those of a
            part fit into a quarter of the memory.
        held_out: See `Dataset`.
    """

    path: Path
    in_memory: bool | None = None

    def open(self, data_dir: Path | None) -> SplitReaders:
        """Returns the parts; `data_dir` is ignored."""
        if not (self.path / "train").is_dir():
            raise DataNotFoundError(
                f"`{self.path}` must be a folder with images in "
                "train/<class>/, or the name of a data set. Received: no "
                f"folder {self.path / 'train'}"
            )
        folders = {
            folder: part
            for folder, part in _FOLDERS.items()
            if (self.path / folder).is_dir()
        }
        if len(set(folders.values())) < len(folders):
            raise ValueError(
                f"{self.path} must hold one of the folders `val` and "
                "`validation`. Received: both"
            )
        classes = _folders(self.path / "train")
        for folder in folders:
            check_classes(self.path / folder, classes, self.path / "train")
        return {
            part: functools.partial(self._read, folder, part, classes)
            for folder, part in folders.items()
        }

    def _read(self, folder: str, part: str, classes: tuple[str, ...]) -> Split:
        name = f"{self.path.name}/{part}"
        return read_classes(self.path / folder, classes, name, self.in_memory)


def read_classes(
    folder: Path,
    classes: tuple[str, ...],
    name: str,
    in_memory: bool | None = None,
) -> Split:
    """Reads images in `<folder>/<class>/`.

    Args:
        folder: The folder.
        classes: Names of the classes, which are those of the folders.
        name: Name of the split.
        in_memory: See `ImageFolders`.

    Raises:
        DataNotFoundError: If there are no images.
        ValueError: If an image is damaged, or of another size.
    """
    found = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).glob("*"))
        if _is_image(path)
    ]
    return _split(folder, found, classes, name, in_memory)


def read_unlabelled(
    folder: Path,
    classes: tuple[str, ...],
    name: str,
    in_memory: bool | None = None,
) -> Split:
    """Reads all images in a folder and below; each gets the label 0.

    Args:
        folder: The folder.
        classes: See `read_classes`, as are the others.
        name: Name of the split.
        in_memory: See `ImageFolders`.
    """
    paths = sorted(filter(_is_image, folder.rglob("*")))
    return _split(folder, [(p, 0) for p in paths], classes, name, in_memory)


def _split(
    folder: Path,
    found: Sequence[tuple[Path, int]],
    classes: tuple[str, ...],
    name: str,
    in_memory: bool | None,
) -> Split:
    if not found:
        raise DataNotFoundError(
            f"{folder} must hold images "
            f"(<class>/*{', *'.join(SUFFIXES)}). Received: none"
        )
    paths, labels = zip(*found, strict=True)
    shape = _decode(paths[0]).shape
    images = LazyImages(_Files(paths, shape), shape, np.arange(len(paths)))
    return Split(
        read_if_fits(images, in_memory),
        np.array(labels, np.int32),
        classes,
        name,
        _digest(paths),
    )


def _digest(paths: Sequence[Path]) -> str:
    names = "\n".join(f"{path.parent.name}/{path.name}" for path in paths)
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


def check_classes(
    folder: Path, classes: tuple[str, ...], owner: object
) -> None:
    """Refuses a folder with a class that another lacks, or without images.

    Args:
        folder: Has a folder for each of its classes.
        classes: The classes that are known.
        owner: Whose they are, for the message.

    Raises:
        ValueError: If a class is unknown or has no image.
    """
    for name in _folders(folder):
        if name not in classes:
            raise ValueError(
                f"{folder} must hold only classes that are in {owner}; rename "
                f"or remove the others. Received: {name!r}"
            )
        if not any(map(_is_image, (folder / name).iterdir())):
            raise ValueError(
                f"Each class of {folder} must hold images "
                f"(*{', *'.join(SUFFIXES)}). Received: none in {name!r}"
            )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _folders(path: Path) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in path.iterdir() if p.is_dir()))


@dataclass(frozen=True, eq=False)
class _Files:
    """Reads images of one size from files.

    Args:
        paths: The files.
        shape: `(H, W, 3)`, that of the first.
    """

    paths: Sequence[Path]
    shape: tuple[int, int, int]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Returns images, shape `(len(rows), H, W, 3)`, uint8."""
        images = np.empty((len(rows), *self.shape), np.uint8)
        for start in range(0, len(rows), CHUNK):
            paths = [self.paths[row] for row in rows[start : start + CHUNK]]
            images[start : start + CHUNK] = in_threads(self._read, paths)
        return images

    def _read(self, path: Path) -> np.ndarray:
        image = _decode(path)
        if image.shape != self.shape:
            raise ValueError(
                f"All images must have one size: {self.paths[0]} is "
                f"{_size(self.shape)}. Received: {path}, which is "
                f"{_size(image.shape)}. Resize the files to one size first"
            )
        return image


def _decode(path: Path) -> np.ndarray:
    """Reads an image, `(H, W, 3)` uint8."""
    try:
        return tf.io.decode_image(
            tf.io.read_file(str(path)), channels=3, expand_animations=False
        ).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"Cannot read an image. Received: {path}, which is damaged or "
            "neither PNG nor JPEG"
        ) from error


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
