"""The four kinds of operation whose outputs are bounded, without their layers.

Affine maps `y = W x + b`, rectifiers `max(x, 0)`, maxima over windows, sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

Map = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Affine:
    """`y = W x + b`, with W as functions.

    Args:
        linear: Maps `x`, shape `(B, ...)`, to `W x`.
        magnitude: Maps a radius to `|W| r`.
        input_shape: Shape of `x` without the batch.
        bias: Broadcasts against `y`; `None` for none.

    Example:
    >>> half = Affine(lambda x: -x / 2, lambda r: r / 2, (3,))
    >>> half.transposed(tf.ones((1, 3))).numpy().tolist()
    [[-0.5, -0.5, -0.5]]
    """

    linear: Map
    magnitude: Map
    input_shape: tuple[int, ...]
    bias: tf.Tensor | None = None

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Returns `W x + b`."""
        y = self.linear(x)
        return y if self.bias is None else y + self.bias

    def transposed(self, a: tf.Tensor) -> tf.Tensor:
        """Returns `a W` of each row of `a`, shape `(N, ...)` of the output."""
        x = tf.zeros((tf.shape(a)[0], *self.input_shape), a.dtype)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = self.linear(x)
        return tape.gradient(y, x, output_gradients=tf.reshape(a, tf.shape(y)))


@dataclass(frozen=True)
class Rectifier:
    """`y = max(x, 0)`."""


@dataclass(frozen=True)
class Maximum:
    """The largest value of each window.

    Args:
        pool: Maps `x`, shape `(B, H, W, C)`, to the maxima.
    """

    pool: Map


@dataclass(frozen=True)
class Sum:
    """`y = x_1 + x_2 + ...`."""


Operation = Affine | Rectifier | Maximum | Sum


@dataclass(frozen=True)
class Call:
    """One operation of a computation, with the numbers of its values.

    Args:
        operation: What is computed.
        inputs: Numbers of the values it reads.
        output: Number of the value it makes.
    """

    operation: Operation
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True)
class Computation:
    """A classifier as operations, from value 0, its images, to the logits.

    Args:
        calls: The operations, each after those that it reads.
        output: Number of the logits.
        classes: Number of logits.
    """

    calls: tuple[Call, ...]
    output: int
    classes: int


def summed(values: tf.Tensor) -> tf.Tensor:
    """Returns sums over all axes but the first two, shape `(B, S)`.

    Args:
        values: Shape `(B, S, ...)`.

    Example:
    >>> summed(tf.ones((2, 3, 4, 5))).shape
    TensorShape([2, 3])
    """
    return tf.reduce_sum(values, axis=list(range(2, len(values.shape))))
