"""Data sets as plain folders of images: `train/<class>/*.png`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from dat_keras.data.base import DataNotFoundError, Dataset, SplitReaders
from dat_keras.data.split import Split

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Endings of image files, in any case; other files are ignored."""

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
        held_out: See `Dataset`.
    """

    path: Path

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
            _check_classes(self.path / folder, classes)
        return {
            part: functools.partial(self._read, folder, part, classes)
            for folder, part in folders.items()
        }

    def _read(self, folder: str, part: str, classes: tuple[str, ...]) -> Split:
        found = [
            (path, label)
            for label, name in enumerate(classes)
            for path in sorted((self.path / folder / name).glob("*"))
            if _is_image(path)
        ]
        if not found:
            raise DataNotFoundError(
                f"{self.path / folder} must hold images "
                f"(<class>/*{', *'.join(SUFFIXES)}). Received: none"
            )
        paths, labels = zip(*found, strict=True)
        return Split(
            _decode(paths),
            np.array(labels, np.int32),
            classes,
            f"{self.path.name}/{part}",
        )


def _check_classes(folder: Path, classes: tuple[str, ...]) -> None:
    """Refuses a class that `train` lacks, and one without images."""
    for name in _folders(folder):
        if name not in classes:
            raise ValueError(
                f"{folder} must have the classes of {folder.parent / 'train'}."
                f" Received: {name!r}, which is not there"
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


def _decode(paths: Sequence[Path]) -> np.ndarray:
    """Reads images of one size, `(N, H, W, 3)` uint8."""
    decoded = (
        tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
        .map(
            lambda path: tf.io.decode_image(
                tf.io.read_file(path), channels=3, expand_animations=False
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .as_numpy_iterator()
    )
    first = _next(decoded, paths[0])
    images = np.empty((len(paths), *first.shape), np.uint8)
    images[0] = first
    for row, path in enumerate(paths[1:], start=1):
        image = _next(decoded, path)
        if image.shape != first.shape:
            raise ValueError(
                f"All images must have one size: {paths[0]} is "
                f"{_size(first)}. Received: {path}, which is {_size(image)}. "
                "Resize the files to one size first"
            )
        images[row] = image
    return images


def _next(decoded: Iterator[np.ndarray], path: Path) -> np.ndarray:
    try:
        return next(decoded)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"Cannot read an image. Received: {path}, which is damaged or "
            "neither PNG nor JPEG"
        ) from error


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
