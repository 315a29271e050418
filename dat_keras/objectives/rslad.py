"""RSLAD: robust soft label adversarial distillation (Zi et al., ICCV 2021).

min_theta  alpha KL(T(x) || S(x')) + (1 - alpha) KL(T(x) || S(x))
x'         = argmax_{|x' - x| <= eps}  KL(T(x) || S(x'))
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, cast

from dat_keras.attacks import PGD, KLFromLogits, NormalStart
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network
from dat_keras.losses import kl_divergence
from dat_keras.objectives.base import attacked_view, logits_of
from dat_keras.objectives.distillation import Distillation, TaughtView
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class RSLAD(Distillation):
    """A robust teacher's soft labels replace the classes everywhere.

    Labels are not read. The published code averages divergences over classes
    too, which divides the loss by their number.

    Args:
        teacher: A robust classifier of the same images and classes, or its
            name in a recipe.
        attack: Inner maximisation, of the student; its loss is set here.
            Default: 10 steps of 2/255 at eps 8/255, from a little normal
            noise.
        alpha: Share of the attacked images. Default 5/6, the paper's.

    Example:
    >>> round(RSLAD().alpha, 4)
    0.8333

    Reference:
        [Zi et al., 2021](https://arxiv.org/abs/2108.07969)
    """

    attack: PGD = PGD(Linf(8 / 255), start=NormalStart())
    alpha: Share = 5 / 6
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust")

    def craft(self, step: Step) -> Views:
        """Asks the teacher, then drives the student away from its answer."""
        taught = self.taught(step.x)
        attack = replace(self.attack, loss=KLFromLogits(taught))
        view = attacked_view(attack, step, step.x)
        return (TaughtView(view.x, view.x_adv, view.branch, taught=taught),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns both weighted divergences."""
        (view,) = cast(tuple[TaughtView], views)
        (logits,), (logits_adv,) = logits_of(predict, views)
        natural, robust = (
            batch_mean(kl_divergence(view.taught, z))
            for z in (logits, logits_adv)
        )
        return {
            "natural": (1.0 - self.alpha) * natural,
            "robust": self.alpha * robust,
        }
