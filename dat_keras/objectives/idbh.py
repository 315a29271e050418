"""IDBH: adversarial training on diverse and hard images (ICLR 2023).

min_theta  max_{|x' - a(x)| <= eps}  CE(f(x'), y)
a = flip, CropShift, ColorShape, RandomErasing
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dat_keras.attacks import PGD
from dat_keras.augment import (
    Augment,
    Chain,
    ColorShape,
    CropFlip,
    CropShift,
    RandomErasing,
)
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Predict
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    mean_over_views,
    own_augmentation,
    ramped,
    raw_images,
)
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.utils.ranges import Share

WEAK = Chain((CropFlip(0), CropShift(), ColorShape(), RandomErasing(0.5)))
STRONG = Chain((CropFlip(0), CropShift(), ColorShape(), RandomErasing(1.0)))


@dataclass(frozen=True)
class IDBH(Objective):
    """PGD-AT with an augmentation of its own, on the raw images.

    It replaces the base augmentation. The published code starts its attack
    almost at the clean image, by a slip in the order of arguments; here it
    starts at random, as PGD-AT does.

    Args:
        attack: Inner maximisation. Default: 10 steps of 2/255 at eps 8/255.
        augment: Default: the published "strong" one, that of its
            PreActResNet-18 (`objectives.idbh.WEAK` is that of WRN-34-10).
        warmup: Share of the run over which eps and step size grow from zero.
            Default: none (as an option, published: 5 of 200 epochs).
        label_smoothing: Share of the target spread over all classes. Default
            0, the paper's.

    Example:
    >>> IDBH().warmup
    0.0

    Reference:
        [Li and Spratling, 2023](https://arxiv.org/abs/2301.09879)
    """

    attack: PGD = PGD(Linf(8 / 255))
    augment: Augment = STRONG
    warmup: Share = 0.0
    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = ("robust",)
    weights_examples: ClassVar[bool] = True

    @property
    def needs_run_length(self) -> bool:
        """Whether a step reads the share of the run done."""
        return self.warmup > 0.0

    def craft(self, step: Step) -> Views:
        """Augments the raw images, then attacks them."""
        key = step.key.fold_in("idbh")
        x = own_augmentation(self.augment, raw_images(step), step, key)
        attack = ramped(self.attack, step.progress, self.warmup)
        return (attacked_view(attack, step, x),)

    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the cross-entropy of the adversarial images."""
        (view,) = views
        logits_adv = predict(view.x_adv, view.branch)
        robust = cross_entropy(logits_adv, y, self.label_smoothing)
        return {"robust": mean_over_views([robust])}
