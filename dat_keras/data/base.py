"""Base class of data sets, and how their parts become the three splits."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dat_keras.data.draws import permutation
from dat_keras.data.split import Split
from dat_keras.utils.errors import DatKerasError

SplitReaders: TypeAlias = Mapping[str, Callable[[], Split]]
"""For each published split of a data set, a function that reads it."""

SPLITS = ("train", "validation", "test")
"""The names that every data set answers to."""


class DataNotFoundError(DatKerasError, ValueError):
    """The data are not where they were looked for."""


@dataclass(frozen=True)
class Dataset(abc.ABC):
    """A source of labelled images.

    Args:
        held_out: Number of training images that become the validation split
            where the data set has none of its own. Default: 2 %.
    """

    held_out: int | None = field(default=None, kw_only=True)

    @abc.abstractmethod
    def open(self, data_dir: Path | None) -> SplitReaders:
        """Finds the data and returns what can be read.

        Args:
            data_dir: Where prepared data are kept.

        Raises:
            DataNotFoundError: If they are not there and cannot be fetched.
        """


def read_splits(
    dataset: Dataset, names: tuple[str, ...], data_dir: Path | None
) -> list[Split]:
    """Reads splits by role; what two roles share is read once.

    A data set with a `validation` part but no `test` part is evaluated on the
    former, so it becomes the test split. Where no `validation` part is left,
    `hold_out` makes one of the training images. So the test split never
    picks a checkpoint.

    Args:
        dataset: The source.
        names: Which of `SPLITS`.
        data_dir: Where prepared data are kept.

    Returns:
        The splits, in the order of `names`.

    Raises:
        ValueError: If a name is unknown or the data set has no such split.
    """
    for name in names:
        if name not in SPLITS:
            raise ValueError(
                f"`split` must be one of {', '.join(SPLITS)}, or a tuple of "
                f"them. Received: {name!r}"
            )
    parts = _by_role(dataset, data_dir)
    missing = [name for name in names if name not in parts]
    if missing:
        raise ValueError(
            f"The data set has no {missing[0]!r} split. It has: "
            f"{', '.join(sorted(parts))}"
        )
    return [parts[name]() for name in names]


def available_splits(
    dataset: Dataset, data_dir: Path | None
) -> tuple[str, ...]:
    """Which of `SPLITS` can be read from a data set; reads no image.

    Args:
        dataset: The source.
        data_dir: Where prepared data are kept.

    Raises:
        DataNotFoundError: If the data are not there and cannot be fetched.
    """
    parts = _by_role(dataset, data_dir)
    return tuple(name for name in SPLITS if name in parts)


def _by_role(dataset: Dataset, data_dir: Path | None) -> SplitReaders:
    """The parts under the names of `SPLITS`, not read yet."""
    parts: dict[str, Callable[[], Split]] = {
        name: functools.cache(read)
        for name, read in dataset.open(data_dir).items()
    }
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
    if "validation" not in parts and "train" in parts:
        halves = functools.cache(
            functools.partial(_halves, parts["train"], dataset.held_out)
        )
        parts["train"] = lambda: halves()[0]
        parts["validation"] = lambda: halves()[1]
    return parts


def hold_out(split: Split, count: int | None = None) -> tuple[Split, Split]:
    """Splits training images into training and validation ones.

    The choice is the same in every run. Of each class with two or more images
    at least one is held out, as far as `count` allows.

    Args:
        split: All training images.
        count: Number of validation images. Default: 2 %, or one per class if
            that is more.

    Returns:
        The training and the validation split.

    Raises:
        ValueError: If there are not more images than `count`.

    Example:
    >>> images = np.zeros((100, 1, 1, 1), np.uint8)
    >>> labels = np.arange(100) % 4
    >>> train, validation = hold_out(
    ...     Split(images, labels, ("a", "b", "c", "d"), "toy")
    ... )
    >>> len(train), sorted(validation.labels.tolist())
    (96, [0, 1, 2, 3])
    """
    order = permutation(len(split), 0, "validation")
    _, first, counts = np.unique(
        split.labels[order], return_index=True, return_counts=True
    )
    first = np.sort(first[counts > 1])
    order = np.concatenate([order[first], np.delete(order, first)])
    if count is None:
        count = max(len(split) // 50, len(first), 1)
    if not 0 < count < len(split):
        raise ValueError(
            f"{split.name} must have more than {count} images, so that as "
            f"many can be held out. Received: {len(split)} images"
        )
    validation, train = np.sort(order[:count]), np.sort(order[count:])
    name = split.name.removesuffix("/train")
    return split.rows(train), split.rows(validation, f"{name}/validation")


def _halves(
    read: Callable[[], Split], held_out: int | None
) -> tuple[Split, Split]:
    return hold_out(read(), held_out)
