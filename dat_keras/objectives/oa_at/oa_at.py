"""OA-AT: oracle-aligned adversarial training (ECCV 2022).

min_theta  CE(f(x), y) + beta * KL(r p(x) + (1 - r) p(x') || p(x_v))
x'  = argmax over |x' - x| <= eps of  CE(f(x'), y) - l * LPIPS(x, x')
x_v = x' projected to |x_v - x| <= eps_e

eps_e grows stage by stage. Up to three quarters of the run eps = eps_e, r = 1
and l = 0; then batches alternate: eps = eps_mix and r < 1, or l > 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, cast

import keras
import tensorflow as tf

from dat_keras.attacks import PGD, StartInBall
from dat_keras.classifiers.predictor import with_batch_statistics
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Images, Labels, Logits, Network
from dat_keras.losses import cross_entropy, kl_divergence
from dat_keras.objectives.base import Objective, logits_of, mean_over_views
from dat_keras.objectives.oa_at.oracle import (
    Oracle,
    PerceptualPenalty,
    stage_of,
    with_perceptual_distance,
)
from dat_keras.objectives.step import Adversary, Step, Terms, View, Views
from dat_keras.objectives.trades import TRADES
from dat_keras.utils.ranges import Range, Share, Weight


@dataclass(frozen=True)
class ScheduledSettings:
    """Settings of a batch, which change over the run.

    Args:
        eps: Radius of the images that are trained on, `eps_e`.
        attack: The search for `x'`.
        ratio: Share `r` of the clean prediction in the reference.
        distance: Weight `l` of the perceptual distance in the search.
        beta: Weight of the divergence.
        stretch: Factor on `x' - x` in AWP's loss.
    """

    eps: tf.Tensor
    attack: PGD
    ratio: tf.Tensor
    distance: tf.Tensor
    beta: tf.Tensor
    stretch: tf.Tensor


@dataclass(frozen=True)
class OracleView(View):
    """A view that also holds the images of its reference prediction.

    Args:
        x_far: The images `x'` before their projection.
        x_stretched: What AWP's loss is measured on.
        settings: Settings of the batch.
    """

    x_far: Images = field(kw_only=True)
    x_stretched: Images = field(kw_only=True)
    settings: ScheduledSettings = field(kw_only=True)


@dataclass(frozen=True)
class OAAT(Objective):
    """TRADES up to twice the usual radius, aligned with human labels.

    All attacks read batch statistics that leave no trace, and so does the
    pass of `x'` where it is part of the reference. The published code lets
    them all move the statistics. It also makes a new optimizer for the last
    quarter: `SGDConfig.restarts`, in the recipes `oa-at-own-*`.

    Args:
        attack: Radius at the end of the run, loss and number of steps.
            Default: 16/255, cross-entropy, 10. The size of a step is a
            quarter of the current radius; in the first quarter of the run
            half of it, with half the steps. Starts are random.
        mix_eps: Radius of the batches with a mixed reference. Default:
            24/255 (CIFAR-10 on WRN-34-10: 16/255).
        mix: Share of `p(x')` in the reference towards the end. Default 0.2
            (CIFAR-10 on WRN-34-10: 0.45).
        perceptual: Weight of the distance at the end. Default 1.
        beta: Weight of the divergence. Default 1.5, that of CIFAR-10 on
            ResNet-18.
        final_beta: Its value at the end, reached over the last quarter.
            Default 3.
        label_smoothing: Smoothing of the clean cross-entropy. Default 0; the
            published for CIFAR-100 is 0.1 over the other 99 classes, which is
            10/99 here.
        stages: Equal parts of the run, inside which nothing changes. Default
            110, the published epochs.
        decay: Of the average whose features measure the distance. Default
            0.995.

    Example:
    >>> OAAT().final_beta
    3.0

    Reference:
        [Addepalli et al., 2022](https://arxiv.org/abs/2210.09852)
    """

    attack: PGD = PGD(Linf(16 / 255))
    mix_eps: Share = 24 / 255
    mix: Share = 0.2
    perceptual: Weight = 1.0
    beta: Weight = 1.5
    final_beta: Weight = 3.0
    label_smoothing: Share = 0.0
    stages: Annotated[int, Range(1)] = 110
    decay: Share = 0.995
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust")
    weights_examples: ClassVar[bool] = True

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the oracle."""
        return Oracle(self.stages, self.decay)

    def settings(
        self, progress: tf.Tensor, even: tf.Tensor
    ) -> ScheduledSettings:
        """Returns the settings of a batch.

        Args:
            progress: Share of the run done.
            even: Whether it is the first, third, ... batch of its stage.
        """
        stage, ball = stage_of(progress, self.stages), self.attack.threat_model
        late = 4 * stage > 3 * self.stages
        early = stage <= self.stages // 4
        before = 3 * self.stages // 4
        last = tf.cast(tf.maximum(stage - before, 0), tf.float32)
        share = tf.where(late, last / (self.stages - before), 0.0)
        mixes, penalizes = late & even, late & ~even
        done = tf.cast(stage, tf.float32) / self.stages
        eps = ball.eps * tf.maximum(done, 0.25)
        radius = tf.where(mixes, self.mix_eps, eps)
        start = tf.where(penalizes, eps, 0.25 * ball.eps)
        attack = replace(
            self.attack,
            threat_model=replace(ball, eps=radius),
            steps=tf.where(
                early, (self.attack.steps + 1) // 2, self.attack.steps
            ),
            step_size=radius / tf.where(early, 2.0, 4.0),
            start=StartInBall(start),
        )
        fading = self.mix * last / (self.stages - before + 1)
        return ScheduledSettings(
            eps,
            attack,
            ratio=tf.where(mixes, 1.0 - fading, 1.0),
            distance=tf.where(penalizes, self.perceptual * share, 0.0),
            beta=self.beta + (self.final_beta - self.beta) * share,
            stretch=tf.where(late, 1.0, 2.0),
        )

    @property
    def needs_run_length(self) -> bool:
        """Whether a step reads the share of the run done."""
        return True

    def craft(self, step: Step) -> Views:
        """Attacks the augmented images with the current settings."""
        oracle, x = cast(Oracle, step.adversary), step.x
        now = self.settings(step.progress, oracle.even(step.progress))
        predict, key = (
            with_batch_statistics(step.predict),
            step.key.fold_in("attack"),
        )

        def with_penalty() -> Images:
            loss = PerceptualPenalty(self.attack.loss, now.distance)
            both = with_perceptual_distance(predict, oracle, x)
            return replace(now.attack, loss=loss)(both, x, step.y, key)

        x_far = tf.cond(
            now.distance > 0,
            with_penalty,
            lambda: now.attack(predict, x, step.y, key),
        )
        ball = replace(self.attack.threat_model, eps=now.eps)
        stretched = tf.clip_by_value(x + now.stretch * (x_far - x), 0.0, 1.0)
        return (
            OracleView(
                x,
                tf.stop_gradient(ball.project(x_far, x)),
                x_far=tf.stop_gradient(x_far),
                x_stretched=tf.stop_gradient(stretched),
                settings=now,
            ),
        )

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the clean loss and the divergence from the reference."""
        (view,) = cast(tuple[OracleView], views)
        (logits,), (logits_adv,) = logits_of(predict, views)
        ratio = view.settings.ratio
        reference = tf.cond(
            ratio < 1.0,
            lambda: mixed(
                logits, with_batch_statistics(predict)(view.x_far), ratio
            ),
            lambda: logits,
        )
        natural = cross_entropy(logits, y, self.label_smoothing)
        robust = kl_divergence(reference, logits_adv)
        return {
            "natural": mean_over_views([natural]),
            "robust": view.settings.beta * mean_over_views([robust]),
        }

    def perturbation_loss(
        self, predict: Network, views: Views, y: Labels
    ) -> Terms:
        """Returns the TRADES loss, for most of the run of twice `x' - x`."""
        (view,) = cast(tuple[OracleView], views)
        pair = (View(view.x, view.x_stretched, view.branch),)
        terms = TRADES(beta=1.0).loss(predict, pair, y)
        return terms | {"robust": view.settings.beta * terms["robust"]}


def mixed(logits: Logits, others: Logits, ratio: tf.Tensor) -> Logits:
    """Logits of `ratio * p + (1 - ratio) * q`.

    Args:
        logits: Logits of `p`, shape `(B, K)`.
        others: Logits of `q`, shape `(B, K)`.
        ratio: A share in `(0, 1)`.

    Example:
    >>> z = mixed(tf.constant([[0.0, 0.0]]), tf.constant([[9.0, 0.0]]), 0.5)
    >>> tf.nn.softmax(z).numpy().round(2)
    array([[0.75, 0.25]], dtype=float32)
    """
    p, q = tf.nn.log_softmax(logits), tf.nn.log_softmax(others)
    return keras.ops.logaddexp(
        p + tf.math.log(ratio), q + tf.math.log(1.0 - ratio)
    )
