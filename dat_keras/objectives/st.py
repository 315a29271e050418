"""ST: squeeze training (Li et al., ICLR 2023).

min_theta  CE(f(x), y) + beta * R(upper, lower)
R(a, b)  = 1/2 (KL(sg p(b) || p(a)) + KL(sg p(a) || p(b)))
upper    = the one of x, x_col, x_adv with the lowest p_y,  lower = the highest

`x_adv` and `x_col` climb R from the upper and the lower image of each step, so
they bracket the loss around `x` from both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

import tensorflow as tf

from dat_keras.attacks import PGD, NormalStart
from dat_keras.classifiers.predictor import with_batch_statistics
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import (
    Images,
    Labels,
    Logits,
    Network,
    PerExample,
    Predict,
)
from dat_keras.losses import as_distribution, cross_entropy, kl_divergence
from dat_keras.objectives.base import Objective, logits_of, mean_over_views
from dat_keras.objectives.step import Step, Terms, View, Views
from dat_keras.utils.ranges import Share, Weight


@dataclass(frozen=True)
class SqueezedView(View):
    """A view that also holds the collaborative images.

    Args:
        x_col: Images near `x` that the classifier finds easy.
    """

    x_col: Images = field(kw_only=True)


@dataclass(frozen=True)
class ST(Objective):
    """Squeezes the gap between adversarial and collaborative images.

    The attack and the collaborative images read batch statistics that leave
    no trace; statistics move by the clean and the adversarial batch.

    Args:
        attack: Geometry of the search. Default: 10 steps of 2/255 at eps
            8/255 from a little normal noise. Its loss is not used: the
            search climbs R.
        beta: Weight of the regularizer. Default 6, of the published scripts.
        label_smoothing: Smoothing of the clean cross-entropy. Default 0, the
            paper's.

    Example:
    >>> ST().terms
    ('natural', 'squeeze')

    Reference:
        [Li et al., 2023](https://arxiv.org/abs/2205.11156)
    """

    attack: PGD = PGD(Linf(8 / 255), start=NormalStart())
    beta: Weight = 6.0
    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = ("natural", "squeeze")
    weights_examples: ClassVar[bool] = True

    def craft(self, step: Step) -> Views:
        """Searches adversarial and collaborative images together."""
        key = step.key.fold_in("attack")
        x_col, x_adv = (
            self.attack.start(
                self.attack.threat_model, step.x, key.fold_in(name)
            )
            for name in ("collaborative", "adversarial")
        )
        predict = with_batch_statistics(step.predict)
        _, x_col, x_adv = tf.while_loop(
            lambda i, *_: i < self.attack.steps,
            lambda i, *pair: (i + 1, *self._climb(predict, step, *pair)),
            (0, x_col, x_adv),
            parallel_iterations=1,
        )
        return (
            SqueezedView(
                step.x,
                tf.stop_gradient(_in_box(x_adv)),
                x_col=tf.stop_gradient(_in_box(x_col)),
            ),
        )

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the clean loss and the weighted gap."""
        (view,) = cast(tuple[SqueezedView], views)
        (logits,), (adv,) = logits_of(predict, views)
        col = with_batch_statistics(predict)(view.x_col, view.branch)
        triple = tf.stack([logits, col, adv])
        upper, lower = (_pick(triple, i) for i in extremes(triple, y))
        return {
            "natural": mean_over_views(
                [cross_entropy(logits, y, self.label_smoothing)]
            ),
            "squeeze": self.beta * mean_over_views([squeeze(upper, lower)]),
        }

    def _climb(
        self, predict: Predict, step: Step, x_col: Images, x_adv: Images
    ) -> tuple[Images, Images]:
        """One step of both images, which may swap roles or restart at x."""
        images = tf.stack([step.x, x_col, x_adv])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            triple = tf.stack([predict(x) for x in tf.unstack(images)])
            upper, lower = extremes(triple, step.y)
            gap = squeeze(_pick(triple, upper), _pick(triple, lower))
        gradients = tape.gradient(gap, images)
        adv, col = (
            self.attack.threat_model.project(
                _pick(images, i)
                + self.attack.step_size
                * self.attack.threat_model.steepest(_pick(gradients, i)),
                step.x,
            )
            for i in (upper, lower)
        )
        return col, adv


def extremes(triple: Logits, y: Labels) -> tuple[tf.Tensor, tf.Tensor]:
    """Which of several logits give the label the least and the most.

    Args:
        triple: Logits, shape `(3, B, K)`.
        y: Labels, shape `(B,)`, or distributions over classes, `(B, K)`.

    Returns:
        Indices of the lowest and the highest `p_y`, two of shape `(B,)`; the
        first of equals.

    Example:
    >>> low, high = extremes(
    ...     tf.constant([[[0.0, 0.0]], [[2.0, 0.0]], [[0.0, 1.0]]]),
    ...     tf.constant([0]),
    ... )
    >>> int(low[0]), int(high[0])
    (2, 1)
    """
    true = as_distribution(y, triple.shape[-1])
    p_true = tf.reduce_sum(true * tf.nn.softmax(triple), axis=-1)
    return tf.argmin(p_true, axis=0), tf.argmax(p_true, axis=0)


def squeeze(upper: Logits, lower: Logits) -> PerExample:
    """Half the sum of both divergences, each with a constant target.

    Its value is symmetric; its gradient is not that of the symmetric
    divergence, because nothing flows into the targets.

    Args:
        upper: Logits, shape `(B, K)`.
        lower: Logits, shape `(B, K)`.

    Returns:
        Value in nats per example, shape `(B,)`.

    Example:
    >>> float(squeeze(tf.zeros((1, 3)), tf.zeros((1, 3)))[0])
    0.0
    """
    return 0.5 * (
        kl_divergence(tf.stop_gradient(lower), upper)
        + kl_divergence(tf.stop_gradient(upper), lower)
    )


def _in_box(x: Images) -> Images:
    # Without a step the start is left, which may lie outside.
    return tf.clip_by_value(x, 0.0, 1.0)


def _pick(stacked: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """Returns `stacked[index[b], b]` for each row `b` of the batch."""
    rows = tf.range(tf.shape(index)[0], dtype=index.dtype)
    return tf.gather_nd(stacked, tf.stack([index, rows], axis=-1))
