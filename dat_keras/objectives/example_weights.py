"""Means over a batch, in which examples may have weights.

mean(v) = 1/B sum_i w_i v_i,   w_i = 1 without sample weights

As in Keras, the divisor is the number of examples and not the sum of weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

from dat_keras.core.types import PerExample

_WEIGHTS: ContextVar[PerExample | None] = ContextVar("weights", default=None)


@contextmanager
def weighted_by(weights: PerExample | None) -> Iterator[None]:
    """Gives examples their weights in every `batch_mean` inside the `with`.

    Args:
        weights: Shape `(B,)`, or `None` for equal ones.
    """
    token = _WEIGHTS.set(weights)
    try:
        yield
    finally:
        _WEIGHTS.reset(token)


def given_weights() -> PerExample | None:
    """Returns the weights of the examples, `None` for equal ones."""
    return _WEIGHTS.get()


def batch_mean(values: PerExample) -> tf.Tensor:
    """Returns the weighted mean of one value per example, a scalar.

    Args:
        values: Shape `(B,)`.

    Example:
    >>> with weighted_by(tf.constant([0.0, 2.0])):
    ...     float(batch_mean(tf.constant([5.0, 3.0])))
    3.0
    """
    weights = _WEIGHTS.get()
    return tf.reduce_mean(values if weights is None else weights * values)
