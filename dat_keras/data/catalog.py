"""The data sets that have a name of their own, and how a name is understood."""

from __future__ import annotations

import os
from pathlib import Path

from dat_keras.data.base import Dataset
from dat_keras.data.central_crop import CentralCrop
from dat_keras.data.folders import ImageFolders
from dat_keras.data.shapes import Shapes
from dat_keras.data.tfds_source import TFDSImages, known
from dat_keras.data.tiny_imagenet import TinyImageNet
from dat_keras.utils.registry import lookup

DATASETS: dict[str, Dataset] = {
    "shapes": Shapes(),
    "cifar10": TFDSImages("cifar10", held_out=1_000),
    "cifar100": TFDSImages("cifar100", held_out=1_000),
    "tiny_imagenet": TinyImageNet(held_out=1_000),
    "imagenet2012": TFDSImages(
        "imagenet2012", crop=CentralCrop(), held_out=10_000
    ),
}
"""Data sets by name; any other name is a folder or a TFDS set."""


def find(name: str, data_dir: Path | None) -> Dataset:
    """Returns the data set of a name: a key, a folder or a TFDS name.

    Args:
        name: What the user wrote.
        data_dir: Folder of prepared data sets.

    Raises:
        ValueError: If the name is unknown.
    """
    if name in DATASETS:
        return DATASETS[name]
    path = Path(name).expanduser()
    if (path / "train").is_dir():
        return ImageFolders(path)
    if known(name, data_dir):
        return TFDSImages(name)
    if os.sep in name:
        return ImageFolders(path)
    return lookup(DATASETS, name, "data set")
