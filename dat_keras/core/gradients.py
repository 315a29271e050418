"""Gradients: of per-example values in the input, of summed terms in weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from dat_keras.core.types import Images, Logits, PerExample


@functools.singledispatch
def input_gradient(
    predict: Callable[[Images], Logits],
    loss: Callable[[Logits], PerExample],
    x: Images,
) -> tuple[Logits, PerExample, Images]:
    """Logits and loss at `x`, and the gradient of the loss in the pixels.

    The tape watches `x` alone, so no gradient in the weights is computed.
    Rows must not influence each other (inference-mode BatchNorm). A `predict`
    that averages over random draws registers a gradient of its own.

    Args:
        predict: Maps images to logits.
        loss: Maps logits to one value per example.
        x: Images, shape `(B, H, W, C)`.

    Returns:
        Logits `(B, K)`, values `(B,)` and gradients of the shape of `x`.

    Example:
    >>> predict, loss = lambda x: x[:, 0, 0, :], lambda z: z[:, 0] ** 2
    >>> _, _, grad = input_gradient(predict, loss, tf.ones((2, 1, 1, 3)))
    >>> grad[0, 0, 0].numpy().tolist()
    [2.0, 0.0, 0.0]
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = predict(x)
        values = loss(logits)
    return (
        logits,
        values,
        tape.gradient(
            values, x, unconnected_gradients=tf.UnconnectedGradients.ZERO
        ),
    )


def terms_and_gradients(
    function: Callable[[], dict[str, tf.Tensor]],
    *variables: Sequence[keras.Variable],
    scale: float = 1.0,
) -> tuple[dict[str, tf.Tensor], list[list[tf.Tensor]]]:
    """Named loss terms and the gradient of their sum in groups of variables.

    Args:
        function: Returns scalar terms by name.
        *variables: Groups of variables; only these are watched.
        scale: Factor on the gradient, `1 / replicas` in distributed training.

    Returns:
        The terms, and a list of gradients for each group.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([v.value for group in variables for v in group])
        terms = function()
        total = tf.add_n(list(terms.values())) * scale
    groups = [[v.value for v in group] for group in variables]
    return terms, tape.gradient(
        total, groups, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )


def clipped(gradients: list[tf.Tensor], norm: float) -> list[tf.Tensor]:
    """Returns this replica's part of the summed gradient, clipped.

    Args:
        gradients: Of this replica.
        norm: Bound on the global norm of their sum over replicas.

    Example:
    >>> parts = clipped([tf.constant(3.0), tf.constant(4.0)], norm=1.0)
    >>> [round(float(part), 3) for part in parts]
    [0.6, 0.8]
    """
    replica = tf.distribute.get_replica_context()
    total = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    total, _ = tf.clip_by_global_norm(total, norm)
    # The optimizer sums over replicas once more.
    return [g / replica.num_replicas_in_sync for g in total]
