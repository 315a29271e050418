"""MART: misclassification-aware adversarial training (Wang et al., 2020).

min_theta  BCE(f(x'), y) + beta * KL(p(x) || p(x')) * (1 - p_y(x))
BCE(z, y)  = -log p_y(z) - log(1 - max_{k != y} p_k(z))
x'         = argmax_{|x' - x| <= eps}  CE(f(x'), y)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from dat_keras.attacks import PGD, Attack, NormalStart
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Logits, Network, PerExample
from dat_keras.losses import as_distribution, cross_entropy, kl_divergence
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    logits_of,
    mean_over_views,
)
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.utils.ranges import Share, Weight


@dataclass(frozen=True)
class MART(Objective):
    """Weights the divergence by how unsure the clean prediction is.

    Gradient flows through both distributions and through the weight. There
    is no cross-entropy on clean images.

    Args:
        attack: Inner maximisation. Default: 10 steps of 2/255 on the
            cross-entropy, eps 8/255, from a little normal noise.
        beta: Weight of the divergence. Default 5, the published code's for
            ResNet-18 (6 for WRN-34-10).
        label_smoothing: Smoothing of `-log p_y`, the cross-entropy in BCE,
            alone: its margin and `p_y(x)` are of the true class. Default 0,
            the paper's.

    Example:
    >>> MART().terms
    ('boosted', 'robust')

    Reference:
        [Wang et al., 2020](https://openreview.net/forum?id=rklOg6EFwS)
    """

    attack: Attack = PGD(Linf(8 / 255), start=NormalStart())
    beta: Weight = 5.0
    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = ("boosted", "robust")
    weights_examples: ClassVar[bool] = True

    def craft(self, step: Step) -> Views:
        """Attacks the augmented images."""
        return (attacked_view(self.attack, step, step.x),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the boosted cross-entropy and the weighted divergence."""
        (logits,), (logits_adv,) = logits_of(predict, views)
        true = as_distribution(y, logits.shape[-1])
        unsure = 1.0 - tf.reduce_sum(true * tf.nn.softmax(logits), axis=-1)
        robust = unsure * kl_divergence(logits, logits_adv)
        boosted = boosted_cross_entropy(logits_adv, y, self.label_smoothing)
        return {
            "boosted": mean_over_views([boosted]),
            "robust": self.beta * mean_over_views([robust]),
        }


def boosted_cross_entropy(
    logits: Logits, y: Labels, label_smoothing: float = 0.0
) -> PerExample:
    """Cross-entropy plus `-log(1.0001 - p)` of the likeliest wrong class.

    Args:
        logits: Logits, shape `(B, K)`.
        y: Labels, shape `(B,)`, or distributions over classes, `(B, K)`.
        label_smoothing: Smoothing of the cross-entropy alone.

    Returns:
        Loss in nats per example, shape `(B,)`.

    Example:
    >>> loss = boosted_cross_entropy(tf.zeros((1, 2)), tf.constant([0]))
    >>> loss.numpy().round(4)
    array([1.3861], dtype=float32)
    """
    wrong = 1.0 - as_distribution(y, logits.shape[-1])
    rival = tf.reduce_max(wrong * tf.nn.softmax(logits), axis=-1)
    # The published margin: it keeps the logarithm finite.
    margin = -tf.math.log(1.0001 - rival)
    return cross_entropy(logits, y, label_smoothing) + margin
