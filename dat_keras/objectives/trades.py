"""TRADES: a surrogate of accuracy plus boundary error (Zhang et al., 2019).

min_theta  CE(f(x), y) + beta * max_{|x' - x| <= eps} KL(p(x) || p(x'))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dat_keras.attacks import PGD, Attack, KLFromClean, NormalStart
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network
from dat_keras.losses import cross_entropy, kl_divergence
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    logits_of,
    mean_over_views,
)
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.utils.ranges import Share, Weight


@dataclass(frozen=True)
class TRADES(Objective):
    """Clean cross-entropy plus the divergence of the attacked prediction.

    Gradient flows through both distributions. The clean batch passes the
    training-mode network once; the published code passes it twice, which
    only counts its statistics twice.

    Args:
        attack: Inner maximisation. Default: 10 steps of 2/255 on the
            divergence, eps 8/255, from a little normal noise.
        beta: Weight of the divergence. Default 6, the paper's for CIFAR-10.
        label_smoothing: Smoothing of the cross-entropy.

    Example:
    >>> TRADES().beta
    6.0

    Reference:
        [Zhang et al., 2019](https://arxiv.org/abs/1901.08573)
    """

    attack: Attack = PGD(Linf(8 / 255), KLFromClean(), start=NormalStart())
    beta: Weight = 6.0
    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust")
    weights_examples: ClassVar[bool] = True

    def craft(self, step: Step) -> Views:
        """Attacks the augmented images."""
        return (attacked_view(self.attack, step, step.x),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the clean loss and the weighted divergence."""
        (logits,), (logits_adv,) = logits_of(predict, views)
        natural = cross_entropy(logits, y, self.label_smoothing)
        robust = kl_divergence(logits, logits_adv)
        return {
            "natural": mean_over_views([natural]),
            "robust": self.beta * mean_over_views([robust]),
        }
