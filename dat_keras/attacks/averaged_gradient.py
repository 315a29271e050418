"""Logits and input gradients averaged over several random draws (EOT).

1/n sum_i (z_i, L(z_i), dL(z_i)/dx)
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from dat_keras.core.gradients import input_gradient
from dat_keras.core.types import Images, Logits, PerExample, Predict

_Seen = tuple[Logits, PerExample, Images]


def mean_gradient(
    predict: Predict,
    loss: Callable[[Logits], PerExample],
    x: Images,
    draws: int,
) -> _Seen:
    """Returns the means of `input_gradient` over several passes.

    Args:
        predict: A classifier that draws random numbers.
        loss: Maps logits to one value per example.
        x: Images, shape `(B, H, W, C)`.
        draws: Number of passes; with 1 this is `input_gradient`.

    Example:
    >>> predict, loss = lambda x, branch=0: x[:, 0, 0, :], lambda z: z[:, 0]
    >>> _, _, grad = mean_gradient(predict, loss, tf.ones((1, 1, 1, 2)), 3)
    >>> grad.numpy().ravel().tolist()
    [1.0, 0.0]
    """
    first = input_gradient(predict, loss, x)
    if draws == 1:
        return first

    def add(i: tf.Tensor, total: _Seen) -> tuple[tf.Tensor, _Seen]:
        seen = input_gradient(predict, loss, x)
        return i + 1, tuple(map(tf.add, total, seen))

    _, total = tf.while_loop(
        lambda i, total: i < draws,
        add,
        (tf.constant(1), first),
        parallel_iterations=1,
    )
    logits, values, grad = (each / draws for each in total)
    return logits, values, grad
