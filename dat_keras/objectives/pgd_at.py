"""PGD-AT: adversarial training (Madry et al., ICLR 2018).

min_theta  max_{|x' - x| <= eps}  CE(f(x'), y)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dat_keras.attacks import PGD, Attack
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Predict
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import Objective, attacked_view, mean_over_views
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class PGDAT(Objective):
    """Cross-entropy on adversarial images alone.

    The attack reads frozen BatchNorm statistics; the published code lets it
    move them.

    Args:
        attack: Inner maximisation. Default: 10 steps of 2/255 at eps 8/255.
        label_smoothing: Share of the target spread over all classes.

    Example:
    >>> PGDAT().attack.steps
    10

    Reference:
        [Madry et al., 2018](https://arxiv.org/abs/1706.06083),
        recipe of [Rice et al., 2020](https://arxiv.org/abs/2002.11569).
    """

    attack: Attack = PGD(Linf(8 / 255))
    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = ("robust",)
    weights_examples: ClassVar[bool] = True

    def craft(self, step: Step) -> Views:
        """Attacks the augmented images."""
        return (attacked_view(self.attack, step, step.x),)

    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the cross-entropy of the adversarial images."""
        (view,) = views
        logits_adv = predict(view.x_adv, view.branch)
        return {
            "robust": mean_over_views(
                [cross_entropy(logits_adv, y, self.label_smoothing)]
            )
        }
