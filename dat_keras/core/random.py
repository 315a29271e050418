"""Stateless random numbers: pure functions of (seed, position, purpose).

Nothing is drawn from hidden state, so a resumed run repeats the numbers of an
uninterrupted one. Two keys exist, one for training and one for evaluation:
`BatchKey` draws for the global batch and hands each replica its rows, so the
numbers do not depend on the number of replicas; `RowKey` gives every row its
own stream, so they do not depend on batch size or order either.
"""

from __future__ import annotations

import abc
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import tensorflow as tf

from dat_keras.core.replicas import Rows, count_here

Shape: TypeAlias = Sequence[int] | tf.Tensor


class Key(abc.ABC):
    """A source of reproducible draws whose first axis is the batch."""

    @abc.abstractmethod
    def fold_in(self, purpose: str | int | tf.Tensor) -> Key:
        """Returns the independent key that belongs to `purpose`."""

    @property
    def shared(self) -> Key:
        """The key whose draws are the same on every replica."""
        return self

    @abc.abstractmethod
    def uniform(
        self,
        shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
    ) -> tf.Tensor:
        """Draws float32 numbers of `shape`, uniform in `[low, high)`."""

    @abc.abstractmethod
    def normal(self, shape: Shape) -> tf.Tensor:
        """Draws float32 standard normal numbers of `shape`."""


@dataclass(frozen=True)
class BatchKey(Key):
    """A key whose draws belong to the global batch.

    Args:
        seed: Integer tensor of shape `(2,)`.
        rows: The rows of this replica. Default: all replicas have as many.

    Example:
    >>> key = BatchKey.of(0, 7).fold_in("start")
    >>> a, b = key.uniform((2, 3)), key.uniform((2, 3))
    >>> bool((a == b).numpy().all())
    True
    """

    seed: tf.Tensor
    rows: Rows | None = None

    @classmethod
    def of(
        cls,
        seed: int | tf.Tensor,
        step: int | tf.Tensor,
        rows: Rows | None = None,
    ) -> BatchKey:
        """Returns the key of one training step."""
        both = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        return cls(both, rows)

    @property
    def shared(self) -> BatchKey:
        """The key whose draws are the same on every replica."""
        one = tf.constant(1)
        return replace(self, rows=Rows(one, tf.constant(0), one))

    def fold_in(self, purpose: str | int | tf.Tensor) -> BatchKey:
        """Returns the independent key that belongs to `purpose`."""
        return replace(self, seed=_fold_in(self.seed, purpose))

    def uniform(
        self,
        shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
    ) -> tf.Tensor:
        """Draws float32 numbers of `shape`, uniform in `[low, high)`."""
        return _of_this_replica(
            lambda s: _uniform(s, self.seed, low, high),
            shape,
            self.rows,
        )

    def normal(self, shape: Shape) -> tf.Tensor:
        """Draws float32 standard normal numbers of `shape`."""
        return _of_this_replica(
            lambda s: _normal(s, self.seed), shape, self.rows
        )


@dataclass(frozen=True)
class RowKey(Key):
    """A key in which every row draws from a stream of its own.

    Args:
        seed: Integer tensor of shape `(2,)`.
        rows: Position of each row in its data set, shape `(B,)`.

    Example:
    >>> both = RowKey.of(0, [3, 8]).uniform((2, 4))
    >>> alone = RowKey.of(0, [8]).uniform((1, 4))
    >>> bool((both[1] == alone[0]).numpy().all())
    True
    """

    seed: tf.Tensor
    rows: tf.Tensor

    @classmethod
    def of(
        cls, seed: int | tf.Tensor, rows: Sequence[int] | tf.Tensor
    ) -> RowKey:
        """Returns the key of the rows at these positions of a data set."""
        seed = tf.stack([tf.cast(seed, tf.int64), tf.constant(0, tf.int64)])
        return cls(seed, tf.cast(rows, tf.int64))

    def fold_in(self, purpose: str | int | tf.Tensor) -> RowKey:
        """Returns the independent key that belongs to `purpose`."""
        return RowKey(_fold_in(self.seed, purpose), self.rows)

    def uniform(
        self,
        shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
    ) -> tf.Tensor:
        """Draws float32 numbers of `shape`, uniform in `[low, high)`."""
        return self._each_row(
            lambda s, seed: _uniform(s, seed, low, high),
            shape,
        )

    def normal(self, shape: Shape) -> tf.Tensor:
        """Draws float32 standard normal numbers of `shape`."""
        return self._each_row(_normal, shape)

    def _each_row(
        self, draw: Callable[[Shape, tf.Tensor], tf.Tensor], shape: Shape
    ) -> tf.Tensor:
        shape = tf.convert_to_tensor(shape, tf.int32)
        return tf.map_fn(
            lambda row: draw(shape[1:], _fold_in(self.seed, row)),
            self.rows,
            fn_output_signature=tf.float32,
        )


# Left to choose, TensorFlow takes another generator under XLA; and even the
# same generator's integers become other floats there. Both are done here.
_ALGORITHM = "philox"


def _unit(shape: Shape, seed: tf.Tensor) -> tf.Tensor:
    """Returns multiples of `2**-24`, uniform in `[0, 1)`."""
    bits = tf.random.stateless_uniform(
        shape, seed, None, None, tf.uint32, alg=_ALGORITHM
    )
    high = tf.bitcast(tf.bitwise.right_shift(bits, 8), tf.int32)
    return tf.cast(high, tf.float32) * 2.0**-24


def _uniform(
    shape: Shape, seed: tf.Tensor, low: float, high: float
) -> tf.Tensor:
    return low + (high - low) * _unit(shape, seed)


def _normal(shape: Shape, seed: tf.Tensor) -> tf.Tensor:
    """Returns normal numbers by the method of Box and Muller."""
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - _unit(shape, seed)))
    angle = _unit(shape, _fold_in(seed, "angle"))
    return radius * tf.cos(2.0 * math.pi * angle)


def _fold_in(seed: tf.Tensor, purpose: str | int | tf.Tensor) -> tf.Tensor:
    if isinstance(purpose, str):
        purpose = zlib.crc32(purpose.encode())
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(purpose, tf.int64), alg=_ALGORITHM
    )


def _of_this_replica(
    draw: Callable[[Shape], tf.Tensor], shape: Shape, rows: Rows | None
) -> tf.Tensor:
    replicas = count_here()
    if replicas == 1:
        return draw(shape)
    shape = tf.convert_to_tensor(shape, tf.int32)
    count, rest = shape[0], shape[1:]
    if rows is None:
        index = tf.distribute.get_replica_context().replica_id_in_sync_group
        total, start = count * replicas, count * index
    else:
        # Several numbers for each example make as many rows of it.
        each = tf.math.floordiv(count, tf.maximum(rows.own, 1))
        total, start = rows.total * each, rows.start * each
    return draw(tf.concat([[total], rest], 0))[start : start + count]
