"""ARD: adversarially robust distillation (Goldblum et al., AAAI 2020).

min_theta  alpha t^2 KL(T_t(x) || S_t(x')) + (1 - alpha) CE(S(x), y)
x'         = argmax_{|x' - x| <= eps}  CE(S(x'), y)
T_t, S_t   = softmax of the teacher's and the student's logits over t
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import tensorflow as tf

from dat_keras.attacks import PGD, Attack
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network
from dat_keras.losses import cross_entropy, kl_divergence
from dat_keras.objectives.base import attacked_view, logits_of
from dat_keras.objectives.distillation import Distillation, TaughtView
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.utils.ranges import Range, Share


@dataclass(frozen=True)
class ARD(Distillation):
    """Answers on attacked images as a robust teacher does on clean ones.

    The published code averages the divergence over classes too, which divides
    it by their number; here it is a divergence, as in the formula.

    Args:
        teacher: A robust classifier of the same images and classes, or its
            name in a recipe.
        attack: Inner maximisation, of the student. Default: 10 steps of 2/255
            at eps 8/255.
        alpha: Share of the distillation; the rest is clean cross-entropy,
            whose pass is left out at 1. Default 1, the published code's for
            CIFAR-10.
        temperature: `t`. Default 30, the published code's for CIFAR-10.

    Example:
    >>> ARD().temperature
    30.0

    Reference:
        [Goldblum et al., 2020](https://arxiv.org/abs/1905.09747)
    """

    attack: Attack = PGD(Linf(8 / 255))
    alpha: Share = 1.0
    temperature: Annotated[float, Range(0.0, above=True)] = 30.0
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust")

    def craft(self, step: Step) -> Views:
        """Attacks the student; asks the teacher about the clean images."""
        view = attacked_view(self.attack, step, step.x)
        taught = self.taught(step.x)
        return (TaughtView(view.x, view.x_adv, view.branch, taught=taught),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the weighted cross-entropy and divergence."""
        (view,) = cast(tuple[TaughtView], views)
        if self.alpha == 1.0:
            natural = tf.constant(0.0)
            logits_adv = predict(view.x_adv, view.branch)
        else:
            (logits,), (logits_adv,) = logits_of(predict, views)
            natural = batch_mean(cross_entropy(logits, y))
        t = self.temperature
        robust = t**2 * kl_divergence(view.taught / t, logits_adv / t)
        return {
            "natural": (1.0 - self.alpha) * natural,
            "robust": self.alpha * batch_mean(robust),
        }
