"""Interval bound propagation (Gowal et al., ICCV 2019).

A box of images goes through the net as an interval of every activation. With
centre c and radius r of `[l, u]`,

affine:     W c + b -+ |W| r
monotone:   [f(l), f(u)]                       (rectifier, maximum, sum)

The last layer, if it is affine, is merged with the margins `z_y - z_j`, whose
rows are differences of its rows:

z_y - z_j  >=  sum_i  a_i+ l_i + a_i- u_i + b_y - b_j,    a = W_y - W_j
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import tensorflow as tf

from dat_keras.certification.operations import (
    Affine,
    Computation,
    Maximum,
    Operation,
    Rectifier,
    Sum,
    summed,
)
from dat_keras.core.types import Images, Labels


@dataclass(frozen=True)
class Interval:
    """Values between two tensors.

    Args:
        lower: Shape `(B, ...)`.
        upper: The same shape.
    """

    lower: tf.Tensor
    upper: tf.Tensor

    def least(self, a: tf.Tensor) -> tf.Tensor:
        """Returns the smallest `sum a x` over all x, shape `(B, S)`.

        Args:
            a: Coefficients, shape `(B, S, ...)`.
        """
        low, high = self.lower[:, None], self.upper[:, None]
        worst = tf.maximum(a, 0.0) * low + tf.minimum(a, 0.0) * high
        return summed(worst)


def box_of(x: Images, eps: float | tf.Tensor, dtype: tf.DType) -> Interval:
    """Returns the Linf ball around images, inside `[0, 1]`.

    Args:
        x: Images, shape `(B, H, W, C)`, in `[0, 1]`.
        eps: Radius.
        dtype: Type of the bounds.

    Example:
    >>> box = box_of(tf.constant([[[[0.0, 0.5]]]]), 0.25, tf.float64)
    >>> box.lower.numpy().ravel().tolist(), box.upper.numpy().ravel().tolist()
    ([0.0, 0.25], [0.25, 0.75])
    """
    x, eps = tf.cast(x, dtype), tf.cast(eps, dtype)
    return Interval(tf.maximum(x - eps, 0.0), tf.minimum(x + eps, 1.0))


@singledispatch
def interval_after(operation: Operation, *inputs: Interval) -> Interval:
    """Returns the interval of what an operation makes of intervals."""
    raise TypeError(f"no interval of {operation!r}")


@interval_after.register
def _(operation: Affine, x: Interval) -> Interval:
    centre = operation((x.lower + x.upper) / 2)
    radius = operation.magnitude((x.upper - x.lower) / 2)
    return Interval(centre - radius, centre + radius)


@interval_after.register
def _(operation: Rectifier, x: Interval) -> Interval:
    return Interval(tf.nn.relu(x.lower), tf.nn.relu(x.upper))


@interval_after.register
def _(operation: Maximum, x: Interval) -> Interval:
    return Interval(operation.pool(x.lower), operation.pool(x.upper))


@interval_after.register
def _(operation: Sum, *inputs: Interval) -> Interval:
    return Interval(
        tf.add_n([x.lower for x in inputs]), tf.add_n([x.upper for x in inputs])
    )


def intervals_of(
    computation: Computation, box: Interval
) -> dict[int, Interval]:
    """Returns the interval of every value of a net, by its number.

    The logits have none where the last operation is affine: `ibp_margins`
    bounds them with less loss.

    Args:
        computation: The net.
        box: The images.
    """
    found = {0: box}
    for call in computation.calls:
        if call.output != computation.output or not _is_affine(call.operation):
            inputs = [found[i] for i in call.inputs]
            found[call.output] = interval_after(call.operation, *inputs)
    return found


def _is_affine(operation: Operation) -> bool:
    return isinstance(operation, Affine)


def differences(y: Labels, classes: int, dtype: tf.DType) -> tf.Tensor:
    """Returns the coefficients of `z_y - z_j`, shape `(B, K, K)`.

    Args:
        y: Class ids, shape `(B,)`.
        classes: `K`.
        dtype: Their type.

    Example:
    >>> differences(tf.constant([1]), 2, tf.float32).numpy().tolist()
    [[[-1.0, 1.0], [0.0, 0.0]]]
    """
    each = tf.eye(classes, dtype=dtype)
    return tf.gather(each, y)[:, None] - each


def pulled_back(operation: Affine, a: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `sum a y` as coefficients of an affine map's input, `a W`.

    Args:
        operation: The map `y = W x + b`.
        a: Coefficients of `y`, shape `(B, S, ...)`.

    Returns:
        Coefficients of `x`, `(B, S, ...)`, and the constant `a b`, `(B, S)`.
    """
    head, rest = tf.shape(a)[:2], a.shape[2:]
    flat = operation.transposed(tf.reshape(a, (-1, *rest)))
    shape = tf.concat([head, operation.input_shape], axis=0)
    inner = tf.ensure_shape(
        tf.reshape(flat, shape), (*a.shape[:2], *operation.input_shape)
    )
    if operation.bias is None:
        return inner, tf.zeros(head, a.dtype)
    return inner, summed(a * operation.bias)


def margins_of(
    computation: Computation, intervals: dict[int, Interval], y: Labels
) -> tf.Tensor:
    """Returns the lower bounds of all margins from intervals.

    Args:
        computation: The net.
        intervals: Those of its values.
        y: Class ids, shape `(B,)`.
    """
    a = differences(y, computation.classes, intervals[0].lower.dtype)
    if computation.output in intervals:
        return intervals[computation.output].least(a)
    last = next(c for c in computation.calls if c.output == computation.output)
    inner, constant = pulled_back(_affine(last.operation), a)
    return intervals[last.inputs[0]].least(inner) + constant


def _affine(operation: Operation) -> Affine:
    if not isinstance(operation, Affine):
        raise TypeError(f"not affine: {operation!r}")
    return operation


def ibp_margins(
    computation: Computation, box: Interval, y: Labels
) -> tf.Tensor:
    """Lower bounds of `z_y - z_j` over a box, shape `(B, K)`; 0 where j = y.

    Costs two forward passes.

    Args:
        computation: The net.
        box: The images.
        y: Class ids, shape `(B,)`.

    Example:
    >>> import keras
    >>> from dat_keras.certification.computation import computation_of
    >>> net = keras.Sequential([keras.Input((1, 1, 2)), keras.layers.Flatten()])
    >>> box = box_of(tf.constant([[[[0.75, 0.25]]]]), 0.125, tf.float32)
    >>> computation = computation_of(net, tf.float32)
    >>> ibp_margins(computation, box, tf.constant([0])).numpy().tolist()
    [[0.0, 0.25]]

    Reference:
        [Gowal et al., 2019](https://arxiv.org/abs/1810.12715)
    """
    return margins_of(computation, intervals_of(computation, box), y)
