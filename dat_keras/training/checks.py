"""Checks on a training step, in the graph, at the cost of a few reductions."""

from __future__ import annotations

import keras
import tensorflow as tf

from dat_keras.core.types import Images, Labels
from dat_keras.objectives import Objective


def pair(data: tuple) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns images and labels of what `fit` hands to a step.

    Raises:
        ValueError: If there are sample weights.

    Example:
    >>> pair((1, 2))
    (1, 2)
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError(
            "`sample_weight` and `class_weight` are not supported."
        )
    return x, y


def checked(x: Images, y: Labels, num_classes: int) -> tuple[Images, Labels]:
    """Returns a batch, or fails with what is wrong about it.

    Args:
        x: Images; must be floats in `[0, 1]`.
        y: Labels; must be integers below `num_classes`.
        num_classes: Number of logits.

    Raises:
        ValueError: At trace time, for a wrong dtype or rank.
        tf.errors.InvalidArgumentError: At run time, for wrong values.

    Example:
    >>> x, y = checked(tf.zeros((1, 2, 2, 1)), tf.constant([3]), 10)
    """
    if not x.dtype.is_floating or x.shape.rank != 4:
        raise ValueError(
            "Images must be floats in [0, 1] of shape `(B, H, W, C)`; divide "
            f"uint8 images by 255. Received: {x.dtype.name} {x.shape}."
        )
    if not y.dtype.is_integer or y.shape.rank != 1:
        raise ValueError(
            "Labels must be integer class ids of shape `(B,)`. "
            f"Received: {y.dtype.name} {y.shape}."
        )
    x, y = tf.cast(x, tf.float32), tf.cast(y, tf.int32)
    checks = [
        _within(x, 0.0, 1.0, "Images must lie in [0, 1]; divide by 255?"),
        _within(y, 0, num_classes - 1, "Labels must be class ids:"),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(x), tf.identity(y)


def check_branches(branches: int, objective: Objective) -> None:
    """Refuses a classifier with fewer BatchNorm branches than are trained.

    Args:
        branches: Number of branches that the classifier has.
        objective: The training method.

    Raises:
        ValueError: With what to do.
    """
    if branches < objective.branches:
        raise ValueError(
            f"`{type(objective).__name__}` trains {objective.branches} "
            f"BatchNorm branches, the classifier has {branches}. Build it "
            f"with `branches={objective.branches}`, or share one branch with "
            f"`{type(objective).__name__}(split_bn=False)`."
        )


def finite(
    terms: dict[str, tf.Tensor], gradients: list[tf.Tensor]
) -> tf.Tensor:
    """Returns a check to be waited for before anything is written.

    So the state of the last good step survives. XLA compiles the check away;
    there the `RaiseOnNaN` callback ends the run.

    Args:
        terms: Scalar loss terms by name.
        gradients: Gradients of their sum.

    Example:
    >>> float(finite({"loss": tf.constant(2.0)}, [tf.ones(3)]))
    2.0
    """
    total = tf.add_n(list(terms.values()))
    total += 0.0 * tf.linalg.global_norm(gradients)
    return tf.debugging.check_numerics(total, "The loss is not finite.")


def _within(
    values: tf.Tensor, low: float, high: float, what: str
) -> tf.Operation:
    least, most = tf.reduce_min(values), tf.reduce_max(values)
    inside = tf.logical_and(least >= low, most <= high)
    return tf.debugging.Assert(
        inside,
        [what, f"expected [{low}, {high}], received [", least, ", ", most, "]"],
    )
