"""A training batch as `fit` hands it over: what it may be, and its checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from dat_keras.core.types import Images, Labels, PerExample

SUM_TOLERANCE = 1e-3
"""How far the sum of a label's shares may be from 1, as float16 ones are."""


@dataclass(frozen=True)
class Batch:
    """Images with labels, and a weight for each where `fit` was given some.

    Args:
        x: Images.
        y: Class ids, shape `(B,)`, int32, or distributions over classes,
            `(B, K)`, float32.
        weight: Sample weights, shape `(B,)`, float32, or `None`.
    """

    x: Images
    y: Labels
    weight: PerExample | None = None


@dataclass(frozen=True)
class ValueCheck:
    """A range that values must lie in, and the range that they have.

    Args:
        what: What must hold, in words.
        low: Smallest value allowed.
        high: Largest value allowed.
        least: Smallest value of the batch, a scalar.
        most: Largest value of the batch, a scalar.
        holds: Whether all values lie in the range; NaN lies in none.
    """

    what: str
    low: float
    high: float
    least: tf.Tensor
    most: tf.Tensor
    holds: tf.Tensor

    @classmethod
    def of(
        cls, values: tf.Tensor, low: float, high: float, what: str
    ) -> ValueCheck:
        """Returns the check of a tensor."""
        # Of values and not of extremes: XLA's minimum passes over NaN.
        inside = tf.logical_and(values >= low, values <= high)
        least = tf.reduce_min(values)
        if values.dtype.is_floating:  # a minimum may pass over NaN
            nan = tf.constant(float("nan"), values.dtype)
            some = tf.reduce_any(tf.math.is_nan(values))
            least = tf.where(some, nan, least)
        return cls(
            what,
            low,
            high,
            least,
            tf.reduce_max(values),
            tf.reduce_all(inside),
        )

    @property
    def expected(self) -> str:
        """The range allowed, in words."""
        return f"expected [{self.low}, {self.high}], received ["


def read_batch(
    data: Any, image_shape: tuple[int, int, int], num_classes: int
) -> Batch:
    """Returns what `fit` hands to a step, in one form; values are not read.

    Args:
        data: `(x, y)` or `(x, y, sample_weight)`: floating-point images;
            class ids `(B,)` or `(B, 1)`, or distributions `(B, K)`; weights
            `(B,)` or `(B, 1)`.
        image_shape: `(H, W, C)` of the classifier.
        num_classes: `K`.

    Raises:
        ValueError: If a dtype or a shape is another.

    Example:
    >>> x, y = tf.zeros((1, 2, 2, 1)), tf.constant([[3]])
    >>> read_batch((x, y), (2, 2, 1), 10).y.numpy()
    array([3], dtype=int32)
    """
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    x = _images(x, image_shape)
    y = _labels(_with_rank(y, x), num_classes)
    weight = None if weight is None else _with_rank(weight, x)
    return Batch(x, y, None if weight is None else _weights(weight))


def value_checks(batch: Batch, num_classes: int) -> list[ValueCheck]:
    """Returns what the values of a batch must satisfy.

    Args:
        batch: What `read_batch` returned.
        num_classes: `K`.
    """
    of, y = ValueCheck.of, batch.y
    checks = [
        of(batch.x, 0.0, 1.0, "Images must lie in [0, 1]; divide by 255?")
    ]
    if y.shape.rank == 1:
        checks.append(of(y, 0, num_classes - 1, "Labels must be class ids:"))
    else:
        what = "Labels `(B, K)` must be distributions: no negative share,"
        checks.append(of(y, 0.0, 1.0 + SUM_TOLERANCE, what))
        what = "Labels `(B, K)` must be distributions: rows that sum to 1,"
        sums = tf.reduce_sum(y, axis=-1)
        checks.append(of(sums, 1.0 - SUM_TOLERANCE, 1.0 + SUM_TOLERANCE, what))
    if batch.weight is not None:
        what = "Sample weights must be finite and not negative:"
        checks.append(of(batch.weight, 0.0, tf.float32.max, what))
    return checks


def asserted(batch: Batch, checks: Sequence[ValueCheck]) -> Batch:
    """Returns a batch that fails where it is read if a check does not hold.

    XLA compiles assertions away: see `guards.py`.

    Raises:
        tf.errors.InvalidArgumentError: At run time, for wrong values.
    """
    asserts = [
        tf.debugging.Assert(
            c.holds, [c.what, c.expected, c.least, ", ", c.most, "]"]
        )
        for c in checks
    ]
    with tf.control_dependencies(asserts):
        weight = batch.weight
        return replace(
            batch,
            x=tf.identity(batch.x),
            y=tf.identity(batch.y),
            weight=None if weight is None else tf.identity(weight),
        )


def _images(x: Any, image_shape: tuple[int, int, int]) -> Images:
    if not tf.is_tensor(x):
        raise ValueError(
            "Images must be one array of floats in [0, 1], shape "
            f"`(B, H, W, C)`. Received: {type(x).__name__}"
        )
    if not x.dtype.is_floating or x.shape.rank != 4:
        raise ValueError(
            "Images must be floats in [0, 1] of shape `(B, H, W, C)`; divide "
            f"uint8 images by 255. Received: {x.dtype.name} {x.shape}."
        )
    if not x.shape[1:].is_compatible_with(image_shape):
        raise ValueError(
            f"Images must have the shape of the classifier's input, "
            f"{image_shape}. Received: {tuple(x.shape[1:])}"
        )
    x = tf.cast(x, tf.float32)
    if x.shape[1:].is_fully_defined():
        return x
    return tf.ensure_shape(x, (None, *image_shape))


def _with_rank(values: Any, x: Images) -> Any:
    """Returns one value per image where Keras' trace has lost the rank.

    It does when `fit` gets values `(B, 1)` once and `(B,)` another time.
    """
    if not tf.is_tensor(values) or values.shape.rank is not None:
        return values
    return tf.reshape(values, tf.shape(x)[:1])


def _labels(y: Any, num_classes: int) -> Labels:
    if not tf.is_tensor(y):
        raise ValueError(
            "Labels must be one array of class ids, shape `(B,)`, or of "
            f"distributions, `(B, {num_classes})`. "
            f"Received: {type(y).__name__}"
        )
    if y.shape.rank == 2 and y.shape[1] == 1 and y.dtype.is_integer:
        y = tf.squeeze(y, axis=1)
    if y.shape.rank == 1 and y.dtype.is_integer:
        return tf.cast(y, tf.int32)
    if y.shape.rank == 2 and y.shape[1] == num_classes:
        return tf.cast(y, tf.float32)
    raise ValueError(
        "Labels must be integer class ids of shape `(B,)` or `(B, 1)`, or "
        f"distributions over the classes of shape `(B, {num_classes})`. "
        f"Received: {y.dtype.name} {y.shape}."
    )


def _weights(weight: Any) -> PerExample:
    if tf.is_tensor(weight) and weight.shape.rank == 2 and weight.shape[1] == 1:
        weight = tf.squeeze(weight, axis=1)
    if not tf.is_tensor(weight) or weight.shape.rank != 1:
        shape = getattr(weight, "shape", type(weight).__name__)
        raise ValueError(
            "`sample_weight` must hold one number for each image, shape "
            f"`(B,)`. Received: {shape}"
        )
    return tf.cast(weight, tf.float32)
