"""E-AT: training on the extreme norms in turn (Croce and Hein, ICML 2022).

    min_theta  L(x, x'_p),   p ~ err_p / sum_q err_q   for each batch
    err_p <- decay err_p + (1 - decay) * robust error of the batch in norm p

What is robust in Linf and in L1 is so, by geometry, in the norms between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import tensorflow as tf

from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.replicas import summed
from dat_keras.core.threat_models import norm_of
from dat_keras.core.types import Images, Labels, Network
from dat_keras.objectives.base import Objective, hard_labels
from dat_keras.objectives.step import Adversary, Step, Terms, Views
from dat_keras.objectives.unions.robust_errors import DrawnView, RobustErrors
from dat_keras.objectives.unions.union_objective import Radii, UnionObjective
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class EAT(UnionObjective):
    """Each batch is attacked in one norm, the weaker one more often.

    The norm is drawn with probabilities in proportion to running means of the
    robust errors, which are saved with the run. One forward pass more than
    the base method.

    Args:
        base: `PGDAT`, `TRADES` or `MART`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf and L1.
        decay: Share of a running mean that a batch leaves. Default 0.99,
            chosen here: the paper says running averages.

    Example:
    >>> EAT().measures
    ('share_linf', 'share_l1')

    Reference:
        [Croce and Hein, 2022](https://arxiv.org/abs/2105.12508)
    """

    radii: Radii = Radii(l2_eps=None)
    decay: Share = 0.99

    @property
    def measures(self) -> tuple[str, ...]:
        """The share of batches in each norm."""
        balls = self.radii.threat_models
        return tuple(f"share_{norm_of(ball)}" for ball in balls)

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns 1 for the norm of this batch, 0 for the others."""
        (view,) = cast(tuple[DrawnView], views)
        drawn = tf.one_hot(view.norm, len(self.measures))
        return dict(zip(self.measures, tf.unstack(drawn), strict=True))

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the running errors."""
        return RobustErrors(len(self.radii.threat_models), self.decay)

    def craft(self, step: Step) -> Views:
        """Draws a norm and attacks in it."""
        errors = cast(RobustErrors, step.adversary)
        norm = errors.draw(step.key.fold_in("norm"))
        x_adv = tf.switch_case(
            norm, [_attacked(base, step) for base in self.bases]
        )
        x_adv = tf.stop_gradient(tf.ensure_shape(x_adv, step.x.shape))
        error = _error(step, x_adv)
        return (DrawnView(step.x, x_adv, norm=norm, error=error),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms of the base method."""
        return self.base.loss(predict, views, y)


def _attacked(base: Objective, step: Step) -> Callable[[], Images]:
    return lambda: base.craft(step)[0].x_adv


def _error(step: Step, x_adv: Images) -> tf.Tensor:
    """Share of images of all replicas that are misclassified."""
    found = tf.argmax(step.predict(x_adv, 0), -1, output_type=tf.int32)
    true = tf.cast(hard_labels(step.y), tf.int32)
    wrong = tf.cast(found != true, tf.float32)
    count, total = summed(
        [tf.reduce_sum(wrong), tf.cast(tf.shape(wrong)[0], tf.float32)]
    )
    return tf.math.divide_no_nan(count, total)
