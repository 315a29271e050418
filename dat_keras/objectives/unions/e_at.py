"""E-AT: training on the extreme norms in turn (Croce and Hein, ICML 2022).

    min_theta  L(x, x'_p),   p ~ err_p / sum_q err_q   for each batch
    err_p <- decay err_p + (1 - decay) * robust error of the batch in norm p

What is robust in Linf and in L1 is so, by geometry, in the norms between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import tensorflow as tf

from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.random import Key
from dat_keras.core.replicas import summed
from dat_keras.core.threat_models import norm_of
from dat_keras.core.types import Images, Labels, Network, Predict
from dat_keras.objectives.base import Objective, hard_labels
from dat_keras.objectives.step import Adversary, Step, Terms, View, Views
from dat_keras.objectives.unions.max_union import WorstOfNorms
from dat_keras.objectives.unions.robust_errors import (
    DrawnView,
    RobustErrors,
    of_base,
)
from dat_keras.objectives.unions.union_attack import UnionPGD
from dat_keras.objectives.unions.union_objective import Radii, UnionObjective
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class DrawnNorm(UnionPGD):
    """PGD in one of several norms.

    Args:
        threat_model: A `UnionOfBalls`.
        loss: What is maximised.
        steps: Number of steps.
        step_size: That of the first norm; the others in proportion.
        start: The first iterate.
        keep: Which iterate is returned.
        norm: Index of the norm, an integer scalar.

    Example:
    >>> from dat_keras.attacks import PGD
    >>> from dat_keras.core.threat_models import L1, Linf
    >>> union = Linf(0.1), L1(12.0)
    >>> attack = DrawnNorm.of(PGD(Linf(0.1)), union, norm=tf.constant(1))
    >>> attack.members[int(attack.norm)].threat_model
    L1(eps=12.0)

    Reference:
        [Croce and Hein, 2022](https://arxiv.org/abs/2105.12508)
    """

    norm: int | tf.Tensor = 0

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns the images of the attack in that norm."""
        x_adv = tf.switch_case(
            self.norm,
            [partial(each, predict, x, y, key) for each in self.members],
        )
        return tf.stop_gradient(tf.ensure_shape(x_adv, x.shape))


@dataclass(frozen=True)
class EAT(UnionObjective):
    """Each batch is attacked in one norm, the weaker one more often.

    The norm is drawn with probabilities in proportion to running means of the
    robust errors, which are saved with the run. One forward pass more than
    the base method. Where the base has several views, all are attacked in the
    norm that was drawn, and the error is that of the first.

    Args:
        base: A method whose `attack` is a `PGD`. Default: `PGDAT()`.
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
        """The share of batches in each norm, then the base's measures."""
        return (*self._shares, *self.base.measures)

    @property
    def _shares(self) -> tuple[str, ...]:
        balls = self.radii.threat_models
        return tuple(f"share_{norm_of(ball)}" for ball in balls)

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns 1 for the norm of this batch, 0 for the others."""
        view = cast(DrawnView, views[0])
        drawn = tf.unstack(tf.one_hot(view.norm, len(self._shares)))
        base = self._in_norm(view.norm)
        return {
            **dict(zip(self._shares, drawn, strict=True)),
            **base.measure(_inner(step), of_base(views)),
        }

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the running errors, with the base's learned adversary."""
        balls = self.radii.threat_models
        # A player that runs the attack itself, as LAS-AT's does to measure
        # its reward, runs it in every norm.
        worst = WorstOfNorms.of(self._own, balls)
        base = self.base.with_attack(worst)
        return RobustErrors(len(balls), self.decay, base.build_adversary(spec))

    def craft(self, step: Step) -> Views:
        """Draws a norm and attacks in it."""
        errors = cast(RobustErrors, step.adversary)
        norm = errors.draw(step.key.fold_in("norm"))
        first, *others = self._in_norm(norm).craft(_inner(step))
        drawn = DrawnView(
            first.x,
            first.x_adv,
            first.branch,
            norm=norm,
            error=_error(step, first),
            view=first,
        )
        return drawn, *others

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as functions of the base's learned adversary."""
        norm = cast(DrawnView, views[0]).norm
        return self._in_norm(norm).attach(_inner(step), of_base(views))

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms of the base method."""
        return self.base.loss(predict, of_base(views), y)

    def perturbation_loss(
        self, predict: Network, views: Views, y: Labels
    ) -> Terms:
        """Returns the base's terms that AWP's weights climb."""
        return self.base.perturbation_loss(predict, of_base(views), y)

    def ascent_loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the base's terms that its learned adversary raises."""
        return self.base.ascent_loss(predict, of_base(views), y)

    def _in_norm(self, norm: tf.Tensor) -> Objective:
        balls = self.radii.threat_models
        attack = DrawnNorm.of(self._own, balls, norm=norm)
        return self.base.with_attack(attack)


def _inner(step: Step) -> Step:
    """The step as the base sees it, with its own learned adversary."""
    return replace(step, adversary=step.adversary.of_method())


def _error(step: Step, view: View) -> tf.Tensor:
    """Share of images of all replicas that are misclassified."""
    logits = step.predict(view.x_adv, view.branch)
    found = tf.argmax(logits, -1, output_type=tf.int32)
    true = tf.cast(hard_labels(step.y), tf.int32)
    wrong = tf.cast(found != true, tf.float32)
    count, total = summed(
        [tf.reduce_sum(wrong), tf.cast(tf.shape(wrong)[0], tf.float32)]
    )
    return tf.math.divide_no_nan(count, total)
