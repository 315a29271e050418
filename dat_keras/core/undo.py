"""Writes to variables that are undone where a condition does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf


@contextmanager
def undone_unless(
    condition: tf.Tensor, variables: Sequence[keras.Variable]
) -> Iterator[None]:
    """Gives variables their old values back unless the condition holds.

    It branches on no value, so XLA compiles it, and replicas may call an
    optimizer inside it.

    Args:
        condition: A boolean scalar.
        variables: What may be written inside the `with`.

    Example:
    >>> v = keras.Variable(1.0)
    >>> with undone_unless(tf.constant(False), [v]):
    ...     v.assign(float("nan"))
    <tf.Tensor: shape=(), dtype=float32, numpy=nan>
    >>> float(v)
    1.0
    """
    kept = [tf.identity(v.value) for v in variables]
    yield
    for v, old in zip(variables, kept, strict=True):
        v.assign(tf.where(condition, v.value, old))
