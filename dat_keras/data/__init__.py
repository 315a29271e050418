"""Data sets: read into memory, in fixed splits, as batches for `fit`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from dat_keras.data.base import (
    SPLITS,
    DataNotFoundError,
    Dataset,
    available_splits,
    read_splits,
)
from dat_keras.data.batches import Batches
from dat_keras.data.catalog import DATASETS, find
from dat_keras.data.duplicates import Duplicates
from dat_keras.data.folders import ImageFolders
from dat_keras.data.mixed_batches import MixedBatches
from dat_keras.data.split import Split
from dat_keras.data.tfds_source import TFDSImages

__all__ = [
    "DATASETS",
    "SPLITS",
    "Batches",
    "DataNotFoundError",
    "Dataset",
    "Duplicates",
    "MixedBatches",
    "Split",
    "load",
    "load_split",
    "splits_of",
]


def load(
    name: str,
    split: str | tuple[str, ...] = "train",
    *,
    data_dir: str | os.PathLike | None = None,
    batch_size: int = 128,
    limit: int | None = None,
    seed: int = 0,
    in_memory: bool | None = None,
) -> Batches | tuple[Batches, ...]:
    """Loads one or several splits of a data set as batches.

    Args:
        name: A key of `DATASETS`, a folder with `train/<class>/` inside, or
            the name of an image-classification set of TensorFlow Datasets.
        split: `"train"`, `"validation"`, `"test"`, or a tuple of them.
        data_dir: Folder of prepared TFDS sets. Default: TFDS' own,
            `~/tensorflow_datasets`.
        batch_size: Images per batch. Default: 128, as in the DAT paper.
        limit: Number of training images used, see `load_split`.
        seed: Seed of the order of the training images.
        in_memory: See `load_split`.

    Returns:
        Batches of images `(B, H, W, C)`, float32 in `[0, 1]`, and labels
        `(B,)`, int32: shuffled for `"train"`, in order for the others. A
        tuple of them if `split` is a tuple.

    Raises:
        ValueError: If an argument is out of range or the name is unknown.
        DataNotFoundError: If the data are neither there nor to be fetched.

    Example:
    >>> batches = load("shapes", "validation", batch_size=100)
    >>> x, y = batches[0]
    >>> x.shape, x.dtype, len(batches)
    ((100, 32, 32, 3), dtype('float32'), 10)
    """
    names = (split,) if isinstance(split, str) else tuple(split)
    loaded = tuple(
        Batches(part, batch_size, shuffle=role == "train", seed=seed)
        for role, part in zip(
            names,
            _load(name, names, data_dir, limit, in_memory),
            strict=True,
        )
    )
    return loaded[0] if isinstance(split, str) else loaded


def load_split(
    name: str,
    split: str = "train",
    *,
    data_dir: str | os.PathLike | None = None,
    limit: int | None = None,
    in_memory: bool | None = None,
) -> Split:
    """Loads one split of a data set.

    The validation split is the data set's own, or a fixed part of its
    training images (1,000 for CIFAR and Tiny-ImageNet, else 2 %); it is never
    a part of the test split.

    Args:
        name: See `load`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: See `load`.
        limit: Take the first so many training images of an order that is the
            same in every run. The other splits stay whole.
        in_memory: For a folder, or a TFDS set in ArrayRecord files: whether
            its images are decoded once and kept in memory, or by each batch
            that reads them, ahead of the step. The batches are the same.
            Default: whether those of a split fit into a quarter of the
            memory. Other data sets are always kept.

    Returns:
        The images, labels and class names.

    Raises:
        ValueError: If an argument is out of range or the name is unknown.
        DataNotFoundError: If the data are neither there nor to be fetched.

    Example:
    >>> len(load_split("shapes", "test"))
    2000
    """
    (loaded,) = _load(name, (split,), data_dir, limit, in_memory)
    return loaded


def splits_of(
    dataset: str, data_dir: str | os.PathLike | None = None
) -> tuple[str, ...]:
    """Which splits a data set has, found out without reading an image.

    A set that is not prepared yet is prepared first, as `load` would do.

    Args:
        dataset: See `name` of `load`.
        data_dir: See `load`.

    Returns:
        Those of `"train"`, `"validation"` and `"test"` that `load_split`
        can read.

    Raises:
        ValueError: If the name is unknown, or a folder's classes disagree.
        DataNotFoundError: If the data are neither there nor to be fetched.

    Example:
    >>> splits_of("shapes")
    ('train', 'validation', 'test')
    """
    folder = None if data_dir is None else Path(data_dir).expanduser()
    return available_splits(find(dataset, folder), folder)


def _load(
    name: str,
    splits: tuple[str, ...],
    data_dir: str | os.PathLike | None,
    limit: int | None,
    in_memory: bool | None,
) -> list[Split]:
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be at least 1. Received: {limit}")
    folder = None if data_dir is None else Path(data_dir).expanduser()
    dataset = find(name, folder)
    if in_memory is not None:
        dataset = _kept(dataset, name, in_memory)
    loaded = read_splits(dataset, splits, folder)
    return [
        part.sample(limit) if role == "train" and limit else part
        for role, part in zip(splits, loaded, strict=True)
    ]


def _kept(dataset: Dataset, name: str, in_memory: bool) -> Dataset:
    if isinstance(dataset, ImageFolders | TFDSImages):
        return replace(dataset, in_memory=in_memory)
    if in_memory:
        return dataset
    raise ValueError(
        "`in_memory=False` is for folders of images and for sets of TFDS. "
        f"Received: a data set named {name}"
    )
