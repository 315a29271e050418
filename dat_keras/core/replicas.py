"""Replicas of distributed training: whose rows of the global batch are whose.

A batch of `N` rows is cut into `n_1 + n_2 + ... = N` rows, in the order of the
replicas. A mean over the global batch is the sum of `n_i / N * mean_i`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dat_keras.core.types import Predict


def count_here() -> int:
    """Returns the number of replicas that run this code together.

    Example:
    >>> count_here()
    1
    """
    replica = tf.distribute.get_replica_context()
    return 1 if replica is None else replica.num_replicas_in_sync


def built_for_several() -> bool:
    """Whether layers that are made now will run on several replicas.

    Their BatchNorm then averages its statistics over all of them.

    Example:
    >>> built_for_several()
    False
    """
    return tf.distribute.get_strategy().num_replicas_in_sync > 1


@dataclass(frozen=True)
class Rows:
    """The rows of this replica in the global batch.

    Args:
        own: Their number.
        start: Index of the first.
        total: Number of rows of the global batch.
    """

    own: tf.Tensor
    start: tf.Tensor
    total: tf.Tensor

    @classmethod
    def of(cls, x: tf.Tensor) -> Rows | None:
        """Returns the rows of a batch, `None` if there is one replica.

        Call it outside of loops and branches: replicas exchange their counts.

        Args:
            x: Anything with one row for each example.

        Example:
        >>> Rows.of(tf.zeros((4, 2))) is None
        True
        """
        if count_here() == 1:
            return None
        replica = tf.distribute.get_replica_context()
        index = replica.replica_id_in_sync_group
        own = tf.shape(x)[0]
        at_own_place = tf.one_hot(index, count_here(), tf.cast(own, tf.float32))
        (counts,) = summed([at_own_place])
        counts = tf.cast(tf.round(counts), tf.int32)
        return cls(own, tf.reduce_sum(counts[:index]), tf.reduce_sum(counts))

    @property
    def share(self) -> tf.Tensor:
        """Weight of this replica's mean in the mean of the batch."""
        return tf.cast(self.own, tf.float32) / tf.cast(self.total, tf.float32)


def share_of(rows: Rows | None) -> float | tf.Tensor:
    """Returns `rows.share`, 1 for the only replica.

    Args:
        rows: What `Rows.of` returned.

    Example:
    >>> share_of(None)
    1.0
    """
    return 1.0 if rows is None else rows.share


def summed(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the sums of tensors over all replicas.

    Args:
        values: Tensors of the same shapes on every replica.
    """
    if count_here() == 1:
        return list(values)
    replica = tf.distribute.get_replica_context()
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, list(values))


def gathered(values: Any) -> Any:
    """Returns the rows of all replicas, in the order of the replicas.

    Args:
        values: Tensors with one row for each example, in any nest.

    Example:
    >>> gathered([tf.constant([1, 2])])[0].numpy().tolist()
    [1, 2]
    """
    if count_here() == 1:
        return values
    replica = tf.distribute.get_replica_context()
    return tf.nest.map_structure(
        lambda v: v if v is None else replica.all_gather(v, axis=0), values
    )


def without_rows(values: Any, share: float | tf.Tensor) -> Any:
    """Returns values, zeros on a replica without rows, whose means are NaN.

    Args:
        values: Tensors in any nest.
        share: What `share_of` returned.
    """
    if isinstance(share, float):
        return values
    return tf.nest.map_structure(
        lambda v: tf.where(share > 0.0, v, tf.zeros_like(v)), values
    )


def never_empty(predict: Predict) -> Predict:
    """Returns a network that reads a black image where it is given none.

    oneDNN's fused convolutions fail on a batch without rows ("input depth
    must be evenly divisible by filter depth"), which a replica gets of a last
    batch with fewer rows than replicas.

    Args:
        predict: Maps images to logits.

    Example:
    >>> network = never_empty(lambda x, branch: x[:, 0, 0] + branch)
    >>> network(tf.zeros((0, 1, 1, 3))).shape, network(tf.zeros((1, 1, 1, 2)))
    (TensorShape([0, 3]), <tf.Tensor: shape=(1, 2), dtype=float32,
    numpy=array([[0., 0.]], dtype=float32)>)
    """

    def of_some(x: tf.Tensor, branch: int = 0) -> tf.Tensor:
        count = tf.shape(x)[0]
        more = tf.cast(count == 0, tf.int32)
        padded = tf.pad(x, [[0, more], [0, 0], [0, 0], [0, 0]])
        return predict(padded, branch)[:count]

    return of_some


@contextmanager
def unsynchronized(layers: Sequence[keras.Layer]) -> Iterator[None]:
    """Traces BatchNorm inside the `with` without exchange between replicas.

    For code in a branch or a loop, where replicas cannot exchange anything,
    on a batch that holds the rows of all of them.

    Args:
        layers: Layers, BatchNorm and others.
    """
    norms = [
        layer
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.synchronized
    ]
    for norm in norms:
        norm.synchronized = False
    try:
        yield
    finally:
        for norm in norms:
            norm.synchronized = True
