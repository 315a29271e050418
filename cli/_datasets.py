"""Names of data sets, refused without TensorFlow where nothing can be meant."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import click

from dat_keras.utils.registry import lookup

DATASETS = (
    *("shapes", "cifar10", "cifar100", "tiny_imagenet", "imagenet2012"),
)
"""Keys of `dat_keras.data.DATASETS`, whose module imports TensorFlow."""

PREPARED = "~/tensorflow_datasets"
"""Where TensorFlow Datasets keeps its sets by default."""


def check_dataset(
    name: str | None,
    data_dir: Path | None = None,
    option: str = "--dataset",
) -> None:
    """Refuses a data set that is no folder, no key and unknown to TFDS.

    What passes may still be refused when it is read.

    Args:
        name: What the user wrote; `None` is not checked.
        data_dir: Folder of prepared data sets.
        option: The option, for the message.

    Raises:
        ValueError: If it is a misspelt name.
        click.UsageError: If it is a path without images.

    Example:
    >>> check_dataset("cifr10")
    Traceback (most recent call last):
    ...
    ValueError: Unknown data set 'cifr10'. Did you mean 'cifar10'? Available:
    shapes, cifar10, cifar100, tiny_imagenet, imagenet2012
    """
    if name is None or (Path(name).expanduser() / "train").is_dir():
        return
    known, _, config = name.partition("/")
    if name in DATASETS or _in_tfds(known, data_dir):
        return
    if config or name.startswith(("/", "~", ".")):
        raise click.UsageError(
            f"{option} must be a name, or a folder with train/<class>/. "
            f"Received: {name}, where there is no {Path(name) / 'train'}"
        )
    lookup(dict.fromkeys(DATASETS), name, "data set")


def _in_tfds(name: str, data_dir: Path | None) -> bool:
    """Whether TFDS may know a name; it is asked itself later.

    Its image sets are modules or folders of its package, or have a file of
    checksums there. Names of other forms are left to it.
    """
    if not re.fullmatch("[a-z0-9_]+", name):
        return bool(name) and not name.startswith((".", "~"))
    folders = (data_dir, os.environ.get("TFDS_DATA_DIR"), PREPARED)
    if any((Path(f).expanduser() / name).is_dir() for f in folders if f):
        return True
    package = importlib.util.find_spec("tensorflow_datasets")
    for root in (package and package.submodule_search_locations) or ():
        for _, inside, files in os.walk(root):
            if (
                name in inside
                or f"{name}.py" in files
                or f"{name}.txt" in files
            ):
                return True
    return False
