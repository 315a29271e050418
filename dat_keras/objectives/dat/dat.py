"""DAT: dual adversarial training (Li et al., NeurIPS 2024).

    min_theta max_psi  1/2 (L_AT(x) + L_AT(x_hat)) + omega * JS(p(x), p(x_hat))
    L_AT(x)  = CE(f(x), y) + beta * KL(p(x) || p(x'))
    x'       = argmax_{|x' - x| <= eps}  CE(f(x'), y) + beta * KL(p(x) || p(x'))
    x_hat    = x recombined with the generator's amplitude (amplitude_mixup.py)

`x` is read on BatchNorm branch 0, `x_hat` on branch 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, cast

import tensorflow as tf

from dat_keras.attacks import PGD, Attack, CrossEntropyPlusKL, NormalStart
from dat_keras.augment import Augment, CropFlip
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.replicas import gathered
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network
from dat_keras.losses import cross_entropy, js_divergence, kl_divergence
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    logits_of,
)
from dat_keras.objectives.dat.adv_gradient import (
    ADV_GRADIENTS,
    can_follow,
    following,
    needs_unprojected,
    projected,
)
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.dat.generator import (
    AMPLITUDE_SCALES,
    AmplitudeAdversary,
    AmplitudeGenerator,
    BorrowedAmplitude,
)
from dat_keras.objectives.dat.generator_input import CONDITIONS
from dat_keras.objectives.dat.generator_update import UPDATES
from dat_keras.objectives.dat.recombination import (
    Recombination,
    RecombinedView,
)
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.step import Adversary, Step, Terms, View, Views
from dat_keras.optimizers import SGD
from dat_keras.utils.ranges import Count, Share, Weight
from dat_keras.utils.registry import lookup


@dataclass(frozen=True)
class DAT(Objective):
    """Dual adversarial training, with the paper's ablations as fields.

    Args:
        attack: Geometry of both attacks. Default: 5 steps of 2/255 at eps
            8/255 from `x + 0.001 N(0, 1)`, the paper's; the start is clipped
            to the box, as in the published code for CIFAR. Its loss is set
            here, from `beta` and the label smoothing. With one step (the
            addition `+single-step`) a step costs 19 units instead of 35.
        beta: Weight of the divergence, in loss and attack. Default: paper.
        omega: Weight of the Jensen-Shannon term (0: none). Default: paper.
        label_smoothing: Default 0.5, from the published code; the paper does
            not mention it.
        attack_label_smoothing: Smoothing inside the attack; `None` takes
            `label_smoothing`. The published Tiny-ImageNet code has 0 here.
        mix: How amplitudes are mixed.
        augment: Applied to the recombined image. Default: flip and crop with
            3 pixels of padding, the published code's for CIFAR.
        update: `"fused"` (the generator's gradient comes out of the
            classifier's backward pass) or `"sequential"` (as published: the
            generator's own passes after the classifier's step). Default: the
            faster one; docs/performance.md shows a pair. Under AWP the fused
            gradient is taken at the perturbed weights. The sequential one, as
            published, is taken after they are restored.
        generator_input: Input of the generator: `"logits"` (noise and the
            image's logits, the paper's), `"labels"` (noise and its one-hot
            label) or `"noise"` (noise alone).
        generator_resolution: Largest side of the spectrum that the generator
            makes before interpolation. Default: the image's side, as
            published; 32 keeps it at 3.9 million weights for large images.
        generator_learning_rate: Constant. Default: paper.
        generator_adv_grad: How `x_hat'` depends on `x_hat` for the
            generator: `"projection"` (as published: where the last
            projection was active; in L2, the derivative of the projection;
            not in L1), `"none"` or `"full"`.
        generator_updates_statistics: Whether a sequential update moves the
            classifier's BatchNorm statistics a second time, as published.
        amplitude_scale: `"reference"` or `"match_mean"` (an extension).
        split_bn: Whether `x_hat` has a BatchNorm branch of its own.
        learned_amplitude: If false, amplitudes of other images replace the
            generator's.
        single_ae: If true, `x_hat'` is recombined from `x'` instead of
            attacked, and `x_hat` from the augmented image.

    Example:
    >>> DAT(beta=6.0, label_smoothing=0.0).branches
    2

    Reference:
        [Li et al., 2024](https://arxiv.org/abs/2410.12307)
    """

    attack: PGD = PGD(Linf(8 / 255), steps=5, start=NormalStart(clip=True))
    beta: Weight = 15.0
    omega: Weight = 2.0
    label_smoothing: Share = 0.5
    attack_label_smoothing: Share | None = None
    mix: AmplitudeMixup = AmplitudeMixup()
    augment: Augment = CropFlip(pad=3)
    update: str = "fused"
    generator_input: str = "logits"
    generator_resolution: Count | None = None
    generator_learning_rate: Weight = 0.1
    generator_adv_grad: str = "projection"
    generator_updates_statistics: bool = False
    amplitude_scale: str = "reference"
    split_bn: bool = True
    learned_amplitude: bool = True
    single_ae: bool = False
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust", "consistency")
    weights_examples: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses unknown names, and rules that do not know the attack."""
        super().__post_init__()
        update = lookup(UPDATES, self.update, "update")
        if self.generator_updates_statistics and update.shares_pass:
            raise ValueError(
                "`generator_updates_statistics` needs the generator's own "
                f'passes: update="sequential". Received: {self.update!r}'
            )
        lookup(CONDITIONS, self.generator_input, "generator input")
        lookup(AMPLITUDE_SCALES, self.amplitude_scale, "amplitude scale")
        lookup(ADV_GRADIENTS, self.generator_adv_grad, "gradient")
        if self.learned_amplitude and not self.single_ae:
            needs_unprojected(self.generator_adv_grad, self.attack)

    def with_attack(self, attack: Attack) -> Objective:
        """Returns the method with another attack.

        Where its projection has no gradient here, the generator holds the
        attacked images fixed.
        """
        rule = self.generator_adv_grad
        if rule == "projection" and not can_follow(cast(PGD, attack)):
            rule = "none"
        own = cast(PGD, attack)
        return replace(self, attack=own, generator_adv_grad=rule)

    @property
    def branches(self) -> int:
        """Two with split BatchNorm, else one."""
        return 1 + self.split_bn

    @property
    def measures(self) -> tuple[str, ...]:
        """The spread of the generated amplitude, where one is generated."""
        return ("amplitude_spread",) if self.learned_amplitude else ()

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns the standard deviation of the generator's numbers."""
        if not self.learned_amplitude:
            return {}
        view = cast(RecombinedView, views[1])
        return {"amplitude_spread": tf.math.reduce_std(gathered(view.drawn))}

    @property
    def ascent_updates_statistics(self) -> bool:
        """Whether the generator's passes move BatchNorm statistics."""
        return self.generator_updates_statistics

    @cached_property
    def recombination(self) -> Recombination:
        """What makes recombined images, and their BatchNorm branch."""
        return Recombination(self.mix, self.augment, self.branches - 1)

    @cached_property
    def ae_attack(self) -> PGD:
        """The attack on `L_AE`."""
        smoothing = self.attack_label_smoothing
        if smoothing is None:
            smoothing = self.label_smoothing
        return replace(
            self.attack, loss=CrossEntropyPlusKL(self.beta, smoothing)
        )

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the generator with its optimizer, or other images."""
        if not self.learned_amplitude:
            return BorrowedAmplitude(name="borrowed_amplitude")
        condition = CONDITIONS[self.generator_input]
        return AmplitudeAdversary(
            AmplitudeGenerator(
                spec.image_shape,
                condition.length(spec.num_classes),
                resolution=self.generator_resolution,
            ),
            SGD(self.generator_learning_rate, momentum=0.9, weight_decay=5e-4),
            UPDATES[self.update],
            self.amplitude_scale,
            condition,
        )

    def craft(self, step: Step) -> Views:
        """Attacks the images and their recombinations."""
        base = attacked_view(self.ae_attack, step, step.x)
        if self.single_ae:
            return base, self.recombination.pair(step, base)
        rule = self.generator_adv_grad if self.learned_amplitude else "none"
        return base, self.recombination.attacked(step, self.ae_attack, rule)

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as functions of the generator."""
        base, view = cast(tuple[View, RecombinedView], views)
        x = self.recombination.mixed(step, view.clean)
        if view.adversarial is not None:
            x_adv = self.recombination.mixed(step, view.adversarial)
            return base, View(x, x_adv, view.branch)
        x = self.recombination.augmented(step, x)
        ball = self.attack.threat_model
        if view.moved is not None:
            x_adv = projected(view.x_adv, view.moved, x, ball)
        else:
            rule = ADV_GRADIENTS[self.generator_adv_grad]
            x_adv = following(view.x_adv, x, rule(view.x_adv, x, ball.eps))
        return base, View(x, x_adv, view.branch)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms of `L_DAT`."""
        return self._terms(predict, views, y, first_attacked=0)

    def ascent_loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns `L_DAT`; `KL(p(x) || p(x'))` does not move the generator.

        It is left out, with its forward pass, unless that pass is wanted for
        its statistics.
        """
        first = 0 if self.generator_updates_statistics else 1
        return self._terms(predict, views, y, first_attacked=first)

    def _terms(
        self, predict: Network, views: Views, y: Labels, first_attacked: int
    ) -> Terms:
        clean, adversarial = logits_of(predict, views, views[first_attacked:])
        natural = [cross_entropy(z, y, self.label_smoothing) for z in clean]
        pairs = zip(clean[first_attacked:], adversarial, strict=True)
        robust = [kl_divergence(z, z_adv) for z, z_adv in pairs]
        return {
            "natural": _mean_over(views, natural),
            "robust": self.beta * _mean_over(views, robust),
            "consistency": self.omega * batch_mean(js_divergence(*clean)),
        }


def _mean_over(views: Views, values: list[tf.Tensor]) -> tf.Tensor:
    # A value that is left out for the generator still counts as a view.
    return batch_mean(tf.add_n(values)) / len(views)
