"""CROWN-IBP: a linear bound of the margins, backwards from the logits.

Zhang et al., ICLR 2020. `m >= sum A x + c` holds at the logits with
A = e_y - e_j, c = 0, and is carried back to the pixels:

affine      A <- A W,  c <- c + A b
rectifier   s x <= max(x, 0) <= u (x - l) / (u - l)   for l < 0 < u,
            s = 1 if u > -l, else 0;  the lower line where A > 0, the upper
            where A < 0. l and u are those of interval bound propagation.
maximum     x_i <= max x <= max u,  i the place of the largest l
sum         the same A for each summand

At the pixels the box takes the worst corner. Both this bound and that of
intervals hold, so the larger one is returned.
"""

from __future__ import annotations

from functools import singledispatch

import tensorflow as tf

from dat_keras.certification.ibp import (
    Interval,
    differences,
    intervals_of,
    margins_of,
    pulled_back,
)
from dat_keras.certification.operations import (
    Affine,
    Computation,
    Maximum,
    Operation,
    Rectifier,
    Sum,
    summed,
)
from dat_keras.core.types import Labels

Carried = tuple[list[tf.Tensor], tf.Tensor | float]
"""Coefficients of each input, and what is added to the constant."""


@singledispatch
def carried_back(
    operation: Operation, a: tf.Tensor, inputs: list[Interval]
) -> Carried:
    """Returns a lower bound of `sum a y` that is linear in the inputs.

    Args:
        operation: What makes `y` of its inputs.
        a: Coefficients of `y`, shape `(B, S, ...)`.
        inputs: Intervals of the inputs.
    """
    raise TypeError(f"no linear bounds of {operation!r}")


@carried_back.register
def _(operation: Affine, a: tf.Tensor, inputs: list[Interval]) -> Carried:
    inner, constant = pulled_back(operation, a)
    return [inner], constant


@carried_back.register
def _(operation: Rectifier, a: tf.Tensor, inputs: list[Interval]) -> Carried:
    (x,) = inputs
    below, above = -tf.minimum(x.lower, 0.0), tf.maximum(x.upper, 0.0)
    steepness = tf.math.divide_no_nan(above, above + below)
    adaptive = tf.cast(above > below, a.dtype)
    up, down = tf.maximum(a, 0.0), tf.minimum(a, 0.0)
    inner = up * adaptive[:, None] + down * steepness[:, None]
    return [inner], summed(down * (steepness * below)[:, None])


@carried_back.register
def _(operation: Maximum, a: tf.Tensor, inputs: list[Interval]) -> Carried:
    (x,) = inputs
    up, down = tf.maximum(a, 0.0), tf.minimum(a, 0.0)
    copies, rest = tf.shape(a)[1], a.shape[2:]
    lower = tf.repeat(x.lower, copies, axis=0)
    # The gradient of the pool goes to the place of each largest lower bound.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(lower)
        pooled = operation.pool(lower)
    inner = tape.gradient(
        pooled, lower, output_gradients=tf.reshape(up, (-1, *rest))
    )
    shape = tf.concat([tf.shape(a)[:2], x.lower.shape[1:]], axis=0)
    inner = tf.ensure_shape(
        tf.reshape(inner, shape), (*a.shape[:2], *x.lower.shape[1:])
    )
    return [inner], summed(down * operation.pool(x.upper)[:, None])


@carried_back.register
def _(operation: Sum, a: tf.Tensor, inputs: list[Interval]) -> Carried:
    return [a] * len(inputs), 0.0


def crown_margins(
    computation: Computation, intervals: dict[int, Interval], y: Labels
) -> tf.Tensor:
    """Returns the bound of the backward pass alone, shape `(B, K)`.

    Args:
        computation: The net.
        intervals: Those of its values.
        y: Class ids, shape `(B,)`.
    """
    box = intervals[0]
    a = differences(y, computation.classes, box.lower.dtype)
    coefficients = {computation.output: a}
    constant: tf.Tensor | float = 0.0
    for call in reversed(computation.calls):
        a = coefficients.pop(call.output, None)
        if a is None:
            continue
        inputs = [intervals[i] for i in call.inputs]
        inner, more = carried_back(call.operation, a, inputs)
        constant += more
        for number, each in zip(call.inputs, inner, strict=True):
            known = coefficients.get(number)
            coefficients[number] = each if known is None else known + each
    return box.least(coefficients[0]) + constant


def crown_ibp_margins(
    computation: Computation, box: Interval, y: Labels
) -> tf.Tensor:
    """Lower bounds of `z_y - z_j` over a box, shape `(B, K)`; 0 where j = y.

    Costs two forward passes, and a backward pass for each class.

    Args:
        computation: The net.
        box: The images.
        y: Class ids, shape `(B,)`.

    Example:
    >>> import keras
    >>> from dat_keras.certification.computation import computation_of
    >>> from dat_keras.certification.ibp import box_of
    >>> net = keras.Sequential([keras.Input((1, 1, 2)), keras.layers.Flatten()])
    >>> box = box_of(tf.constant([[[[0.75, 0.25]]]]), 0.125, tf.float32)
    >>> computation = computation_of(net, tf.float32)
    >>> crown_ibp_margins(computation, box, tf.constant([0])).numpy().tolist()
    [[0.0, 0.25]]

    Reference:
        [Zhang et al., 2020](https://arxiv.org/abs/1906.06316)
    """
    intervals = intervals_of(computation, box)
    return tf.maximum(
        crown_margins(computation, intervals, y),
        margins_of(computation, intervals, y),
    )
