"""CIFAR-10-C as published, read from a prepared TensorFlow data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dat_keras.data.base import DataNotFoundError
from dat_keras.data.split import Split
from dat_keras.data.tfds_source import quiet, readers_of

_IN_TFDS = {"glass_blur": "frosted_glass_blur", "elastic_transform": "elastic"}
"""Corruptions that TFDS has under another name."""


def load_corrupted(
    corruption: str,
    severity: int,
    data_dir: str | os.PathLike | None = None,
) -> Split:
    """Reads the 10,000 test images with one corruption; never downloads.

    Args:
        corruption: Name of a corruption, such as `"fog"`.
        severity: 1 to 5.
        data_dir: Folder of prepared TFDS sets. Default: TFDS' own.

    Raises:
        DataNotFoundError: If this part is not prepared.
    """
    import tensorflow_datasets as tfds

    check_prepared((corruption,), (severity,), data_dir)
    name = _name(corruption, severity)
    with quiet():
        builder = tfds.builder(name, data_dir=_folder(data_dir), try_gcs=False)
        builder = tfds.builder_from_directory(builder.data_path)
    return readers_of(builder, name)["test"]()


def check_prepared(
    corruptions: Sequence[str],
    severities: Sequence[int],
    data_dir: str | os.PathLike | None = None,
) -> None:
    """Refuses what is not prepared, before anything is measured.

    Args:
        corruptions: Names of corruptions.
        severities: Of 1 to 5.
        data_dir: Folder of prepared TFDS sets. Default: TFDS' own.

    Raises:
        DataNotFoundError: If a part is not prepared.
    """
    import tensorflow_datasets as tfds

    folder = _folder(data_dir)
    for corruption in corruptions:
        for severity in severities:
            name = _name(corruption, severity)
            with quiet():
                builder = tfds.builder(name, data_dir=folder, try_gcs=False)
            if not builder.is_prepared():
                raise DataNotFoundError(
                    f"`{name}` is not prepared in {builder.data_path}: "
                    "prepare it with TensorFlow Datasets and give its folder "
                    "as `data_dir` (--data-dir), or leave out `published` "
                    "(--published) to have corruptions made here"
                )


def _name(corruption: str, severity: int) -> str:
    of_tfds = _IN_TFDS.get(corruption, corruption)
    return f"cifar10_corrupted/{of_tfds}_{severity}"


def _folder(data_dir: str | os.PathLike | None) -> Path | None:
    return None if data_dir is None else Path(data_dir).expanduser()
