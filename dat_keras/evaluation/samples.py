"""`Samples`: the first n images of a data set, checked, for an evaluation."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from dat_keras.data.batches import Batches
from dat_keras.data.lazy_images import Images, selected
from dat_keras.data.split import Split

Data: TypeAlias = (
    tuple[Any, Any] | Split | Batches | tf.data.Dataset | keras.utils.PyDataset
)
"""What `first_samples` reads."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled images in memory, read in float32 batches.

    Args:
        images: Images, shape `(N, H, W, C)`, in `[0, scale]`.
        labels: Class ids, shape `(N,)`.
        name: Name of the data in a report.
        whole: Whether these are all images of the data.
        scale: Pixel value that means 1.
        first: Position of the first image in the evaluation, whose draws
            depend on positions: not 0 in a shard.
    """

    images: Images
    labels: np.ndarray
    name: str
    whole: bool
    scale: float = 1.0
    first: int = 0

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.images)

    def rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns images, float32 in `[0, 1]`, and int32 labels of rows."""
        x = np.divide(
            self.images[rows], np.float32(self.scale), dtype=np.float32
        )
        return x, self.labels[rows].astype(np.int32)

    def part(self, rows: slice) -> Samples:
        """Returns some of the images, at the positions that they have."""
        first = self.first + range(len(self))[rows].start
        images, labels = selected(self.images, rows), self.labels[rows]
        return replace(self, images=images, labels=labels, first=first)

    def fingerprint(self) -> str:
        """Returns the SHA-256 of the float32 pixels and labels.

        It does not depend on the form in which the images were given.
        """
        digest = hashlib.sha256(repr(self.images.shape).encode())
        for rows in batches_of(np.arange(len(self)), 512):
            digest.update(self.rows(rows)[0].tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()


def batches_of(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Splits positions into batches; the last has the remainder.

    Args:
        rows: Positions.
        size: Batch size.

    Example:
    >>> [part.tolist() for part in batches_of(np.array([4, 6, 7]), 2)]
    [[4, 6], [7]]
    """
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@functools.singledispatch
def first_samples(data: object, n: int | None = None) -> Samples:
    """Returns the first `n` images of data, in their own order.

    Args:
        data: `(x, y)` arrays with `x` floats in `[0, 1]`, a `Split`, a
            `Batches` (its split, unshuffled), or batches `(x, y)`: a
            `tf.data.Dataset` or a `PyDataset`, read by index.
        n: Number of images; `None` is all.

    Raises:
        ValueError: If the data are none of these, are out of range, or hold
            fewer than `n` images.

    Example:
    >>> first_samples((np.zeros((5, 8, 8, 3)), np.arange(5)), 2).whole
    False
    """
    raise ValueError(
        "`data` must be a tuple `(x, y)` of arrays, a `Split`, a `Batches`, a "
        "`PyDataset` or a `tf.data.Dataset` of batches. "
        f"Received: {type(data).__name__}"
    )


@first_samples.register
def _(data: Split, n: int | None = None) -> Samples:
    n = _count(n, len(data))
    return Samples(
        selected(data.images, slice(n)),
        data.labels[:n],
        data.name,
        n == len(data),
        255.0,
    )


@first_samples.register
def _(data: Batches, n: int | None = None) -> Samples:
    return first_samples(data.split, n)


@first_samples.register
def _(data: tuple, n: int | None = None) -> Samples:
    return _from_arrays(data, n, "arrays")


@first_samples.register
def _(data: tf.data.Dataset, n: int | None = None) -> Samples:
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(
            "`data` must yield batches `(x, y)`. "
            f"Received: a `tf.data.Dataset` of {spec}"
        )
    if n is None and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`n_examples` must be given for an infinite `tf.data.Dataset`. "
            "Received: n_examples=None"
        )
    return _from_batches(data.as_numpy_iterator(), n, "tf.data")


@first_samples.register
def _(data: keras.utils.PyDataset, n: int | None = None) -> Samples:
    count = data.num_batches
    if n is None and count is None:
        raise ValueError(
            "`n_examples` must be given for an infinite `PyDataset`. "
            "Received: n_examples=None"
        )
    places = itertools.count() if count is None else range(count)
    return _from_batches((data[i] for i in places), n, "pydataset")


def _from_batches(
    batches: Iterable[tuple], n: int | None, name: str
) -> Samples:
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    seen = 0
    for batch in batches:
        if not isinstance(batch, tuple) or len(batch) != 2:
            raise ValueError(
                "`data` must yield batches `(x, y)`. Received: a "
                f"{type(batch).__name__} of {len(batch)} values"
            )
        x, y = batch
        parts.append((np.asarray(x), np.atleast_1d(y)))
        seen += len(parts[-1][1])
        # One image more than wanted shows that these are not all.
        if n is not None and seen > n:
            break
    if not parts:
        raise ValueError("`data` must hold images. Received: no batch at all")
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return _from_arrays((x, y), n, name)


def _from_arrays(data: tuple, n: int | None, name: str) -> Samples:
    if len(data) != 2:
        raise ValueError(
            "`data` must be a pair `(x, y)`. "
            f"Received: a tuple of {len(data)} values"
        )
    x, y = (np.asarray(array) for array in data)
    n = _count(n, len(x) if x.ndim else 0)
    if y.shape == (len(x), 1):
        y = y[:, 0]
    _check_labels(y, len(x))
    _check_images(x[:n])
    return Samples(x[:n], y[:n], name, n == len(x))


def _count(n: int | None, available: int) -> int:
    if available < 1:
        raise ValueError("`data` must hold images. Received: none")
    n = available if n is None else n
    if not 1 <= n <= available:
        raise ValueError(
            f"`n_examples` must be in [1, {available}], the number of images. "
            f"Received: n_examples={n}"
        )
    return n


def _check_labels(y: np.ndarray, count: int) -> None:
    if y.shape != (count,) or y.dtype.kind not in "iu":
        raise ValueError(
            f"`y` must be integer class ids of shape ({count},), one per "
            "image; pass `y.argmax(-1)` for one-hot labels. "
            f"Received: {y.dtype} of shape {y.shape}"
        )


def _check_images(x: np.ndarray) -> None:
    if x.dtype.kind != "f" or x.ndim != 4:
        raise ValueError(
            "`x` must be floats in [0, 1] of shape (N, H, W, C); divide uint8 "
            f"images by 255. Received: {x.dtype} of shape {x.shape}"
        )
    low, high = float(x.min()), float(x.max())
    if not (low >= 0.0 and high <= 1.0):
        raise ValueError(
            "`x` must be in [0, 1]; divide by 255 if it holds bytes, and move "
            "a normalisation into the model. "
            f"Received: values in [{low:g}, {high:g}]"
        )
