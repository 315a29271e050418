"""Decision boundaries that FAB approaches: of a target or the nearest class."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.attacks.dlr import TargetedLoss, lead, target_of_rank
from dat_keras.core.gradients import input_gradient
from dat_keras.core.threat_models import ThreatModel
from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict

MOST_CLASSES = 10
"""Most classes for which `NearestMargin` is run: a gradient for each."""

Plane = Callable[[Images], tuple[PerExample, Images]]
"""Maps images to a value that is positive beyond the boundary, shape `(B,)`,
and its gradient, of the images' shape."""


class Boundary(abc.ABC):
    """A decision boundary, linearised at the iterates of an attack."""

    @abc.abstractmethod
    def gradients(self, classes: int) -> int:
        """Returns the number of gradients that one linearisation takes.

        Raises:
            ValueError: If there are too many classes.
        """

    @abc.abstractmethod
    def plane(
        self, predict: Predict, x: Images, y: Labels, ball: ThreatModel
    ) -> Plane:
        """Returns the linearisation as a function of the adversarial images.

        Args:
            predict: The classifier.
            x: Clean images.
            y: Labels.
            ball: Its norm measures the distances to boundaries.
        """


@dataclass(frozen=True)
class TargetedMargin(TargetedLoss, Boundary):
    """`z_t - z_y`, the boundary of FAB-T."""

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the lead of the target over `y`."""
        target = target_of_rank(predict, x, self.rank)
        return lambda logits: lead(logits, y, target)

    def gradients(self, classes: int) -> int:
        """Returns 1."""
        return 1

    def plane(
        self, predict: Predict, x: Images, y: Labels, ball: ThreatModel
    ) -> Plane:
        """Returns the lead of the target and its gradient."""
        loss = self.bind(predict, x, y)
        return lambda x_adv: input_gradient(predict, loss, x_adv)[1:]


@dataclass(frozen=True)
class NearestMargin(Boundary):
    """`z_j - z_y` of the class `j` with the nearest linearised boundary: FAB.

    Nearest is the smallest `|z_j - z_y| / ||grad (z_j - z_y)||` in the dual
    norm, computed at every iterate. It takes a gradient for each other class.

    Example:
    >>> import numpy as np
    >>> from dat_keras.core.threat_models import Linf
    >>> def predict(x, branch=0):
    ...     return tf.reshape(x, (-1, 3)) * [1.0, 1.0, 4.0]
    >>> x = tf.constant([0.9, 0.5, 0.1], shape=(1, 1, 1, 3))
    >>> y = tf.constant([0])
    >>> plane = NearestMargin().plane(predict, x, y, Linf(0.1))
    >>> value, grad = plane(x)
    >>> round(float(value[0]), 2), grad.numpy().ravel().tolist()
    (-0.5, [-1.0, 0.0, 4.0])
    """

    def gradients(self, classes: int) -> int:
        """Returns the number of other classes."""
        if classes > MOST_CLASSES:
            raise ValueError(
                "Untargeted FAB takes a gradient for every class, and at most "
                f"{MOST_CLASSES} of them; use `fab-t` or `autoattack`. "
                f"Received: a classifier of {classes} classes"
            )
        return classes - 1

    def plane(
        self, predict: Predict, x: Images, y: Labels, ball: ThreatModel
    ) -> Plane:
        """Returns the lead of the nearest class and its gradient."""

        def nearest(x_adv: Images) -> tuple[PerExample, Images]:
            leads, grads = self._leads(predict, x_adv, y)
            pairs = zip(leads, grads, strict=True)
            distance = [plane_distance(*pair, ball) for pair in pairs]
            # Written so that NaN counts as near: it is returned and noticed.
            distance = tf.where(tf.math.is_nan(distance), -1.0, distance)
            chosen = tf.argmin(distance, axis=0, output_type=tf.int32)
            rows = tf.stack([chosen, tf.range(tf.size(chosen))], axis=-1)
            return _chosen(leads, rows), _chosen(grads, rows)

        return nearest

    def _leads(
        self, predict: Predict, x_adv: Images, y: Labels
    ) -> tuple[list[PerExample], list[Images]]:
        """The leads of every class but the label, and their gradients."""
        with tf.GradientTape(
            persistent=True, watch_accessed_variables=False
        ) as tape:
            tape.watch(x_adv)
            logits = predict(x_adv)
            others = range(self.gradients(logits.shape[-1]))
            # Skips the label.
            rivals = [j + tf.cast(y <= j, y.dtype) for j in others]
            leads = [lead(logits, y, rival) for rival in rivals]
        none = tf.UnconnectedGradients.ZERO
        return leads, [
            tape.gradient(each, x_adv, unconnected_gradients=none)
            for each in leads
        ]


def _chosen(values: list[tf.Tensor], rows: tf.Tensor) -> tf.Tensor:
    return tf.gather_nd(tf.stack(values), rows)


def plane_distance(
    value: PerExample, grad: Images, ball: ThreatModel
) -> PerExample:
    """Returns the distance to a plane, without the limits of the box.

    Args:
        value: A linear function's values, which are zero on the plane.
        grad: Its gradients.
        ball: Its norm measures the distance.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> grad = tf.constant([1.0, -3.0], shape=(1, 1, 2, 1))
    >>> float(plane_distance(tf.constant([-2.0]), grad, Linf(0.1))[0])
    0.5
    """
    # Along the steepest direction, a gradient rises by its dual norm.
    slope = tf.reduce_sum(grad * ball.steepest(grad), axis=[1, 2, 3])
    return tf.abs(value) / (slope + 1e-12)
