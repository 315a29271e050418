"""DAJAT: joint training on diverse augmentations (NeurIPS 2022).

min_theta  1/V sum_v L_AT(x_v) + omega * JS(p(x_1), ..., p(x_V))
L_AT(x)  = CE(f(x), y) + beta * max_{|x' - x| <= eps_t} KL(p(x) || p(x'))
eps_t    = eps * t / T

`x_1` is the base view on BatchNorm branch 0; the other views come from a
stronger augmentation and share branch 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.augment import Augment, AutoAugment, Chain, CropFlip
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network
from dat_keras.losses import cross_entropy, js_divergence, kl_divergence
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    logits_of,
    mean_over_views,
    own_augmentation,
    ramped,
    raw_images,
)
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.step import Step, Terms, View, Views
from dat_keras.objectives.trades import TRADES
from dat_keras.utils.ranges import Range, Share, Weight


@dataclass(frozen=True)
class DAJAT(Objective):
    """TRADES on several views, tied by a Jensen-Shannon term.

    AWP follows the TRADES loss of the base view alone, as published.

    Args:
        attack: Inner maximisation at the end of the ramp. Default: 5 steps
            of half the radius on the divergence, eps 8/255, from a little
            normal noise; the published code's for the whole run.
        beta: Weight of the divergence. Default 11, the published for
            CIFAR-10 on ResNet-18 (WRN-34-10: 10; CIFAR-100: 9).
        omega: Weight of the Jensen-Shannon term. Default 2 (WRN-34-10: 3).
        augmentations: Number of strongly augmented views. Default 1, the
            setting that DAT compares with; the paper's best has 2.
        augment: Makes such a view of the raw images. Default: AutoAugment's
            CIFAR-10 policy, then crop and flip.
        label_smoothing: Smoothing of the cross-entropy. Default 0; the
            published for CIFAR-100 is 0.1 over the other 99 classes, which is
            10/99 here.
        ramp: Share of the run over which eps and step size grow from zero.
            Default: the whole run, step by step (published: epoch by epoch).
        split_bn: Whether the augmented views have a branch of their own.

    Example:
    >>> DAJAT(augmentations=0).branches
    1

    Reference:
        [Addepalli et al., 2022](https://arxiv.org/abs/2210.15318)
    """

    attack: PGD = PGD(
        Linf(8 / 255), KLFromClean(), 5, step_size=4 / 255, start=NormalStart()
    )
    beta: Weight = 11.0
    omega: Weight = 2.0
    augmentations: Annotated[int, Range(0)] = 1
    augment: Augment = Chain((AutoAugment(), CropFlip()))
    label_smoothing: Share = 0.0
    ramp: Share = 1.0
    split_bn: bool = True
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust", "consistency")
    weights_examples: ClassVar[bool] = True

    @property
    def branches(self) -> int:
        """Two where augmented views have one of their own, else one."""
        return 1 + (self.split_bn and self.augmentations > 0)

    @property
    def needs_run_length(self) -> bool:
        """Whether a step reads the share of the run done."""
        return self.ramp > 0.0

    def craft(self, step: Step) -> Views:
        """Attacks the base view and every augmented one."""
        attack = ramped(self.attack, step.progress, self.ramp)
        views = [attacked_view(attack, step, step.x)]
        for i in range(self.augmentations):
            own = replace(step, key=step.key.fold_in("view").fold_in(i))
            key = own.key.fold_in("augment")
            x = own_augmentation(self.augment, raw_images(step), step, key)
            views.append(
                attacked_view(attack, own, x, branch=self.branches - 1)
            )
        return tuple(views)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the means over the views and their divergence."""
        clean, adversarial = logits_of(predict, views)
        natural = [cross_entropy(z, y, self.label_smoothing) for z in clean]
        robust = list(map(kl_divergence, clean, adversarial))
        return {
            "natural": mean_over_views(natural),
            "robust": self.beta * mean_over_views(robust),
            "consistency": self.omega * batch_mean(js_divergence(*clean)),
        }

    def perturbation_loss(
        self, predict: Network, views: tuple[View, ...], y: Labels
    ) -> Terms:
        """Returns the TRADES loss of the base view."""
        return TRADES(beta=self.beta).loss(predict, views[:1], y)
