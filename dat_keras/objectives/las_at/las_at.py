"""LAS-AT: adversarial training with a learned attack strategy (CVPR 2022).

min_theta max_psi  E_{a ~ p_psi(x)}  CE_s(f(x'(a)), y)
x'(a) = PGD from x with the radius, number of steps and step size of a

The strategy network `p_psi` chooses `a` for every image (strategy.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, cast

import tensorflow as tf

from dat_keras.attacks import PGD, Keep, StartInBall
from dat_keras.attacks.returned_iterate import Kept
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Images, Labels, Logits, Predict
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import Objective, attacked_view, mean_over_views
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import ChosenView, Strategy
from dat_keras.objectives.natural import Natural
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.step import Adversary, Step, Terms, Views
from dat_keras.utils.ranges import Range


@dataclass(frozen=True)
class KeepAfter(Keep):
    """The iterate of each image after its own number of steps."""

    steps: tf.Tensor

    def begin(self, x: Images) -> Kept:
        """Starts before the first step."""
        return tf.constant(0), x

    def visit(
        self, kept: Kept, x_adv: Images, logits: Logits, y: Labels
    ) -> Kept:
        """Stores the rows that have done their steps."""
        done, stored = kept
        mine = (self.steps == done)[:, None, None, None]
        return done + 1, tf.where(mine, x_adv, stored)

    def choose(self, kept: Kept, x_adv: Images) -> Images:
        """Returns the stored rows, and the last iterate of the others."""
        done, stored = kept
        return tf.where((self.steps < done)[:, None, None, None], stored, x_adv)


def strengthened(
    attack: PGD, eps: tf.Tensor, steps: tf.Tensor, step_size: tf.Tensor
) -> PGD:
    """An attack with a radius, steps and step size for every image.

    Args:
        attack: Its radius is eight units.
        eps: Radii, in eighths of the attack's, shape `(B,)`.
        steps: Numbers of steps, shape `(B,)`.
        step_size: Step sizes, in units as `eps`, shape `(B,)`.

    Example:
    >>> attack = strengthened(PGD(Linf(0.8)), *tf.constant([[4.0], [3], [1]]))
    >>> int(attack.steps), round(float(attack.step_size[0, 0, 0, 0]), 3)
    (3, 0.1)
    """
    unit, steps = attack.threat_model.eps / 8, tf.cast(steps, tf.int32)
    return replace(
        attack,
        threat_model=replace(
            attack.threat_model, eps=unit * eps[:, None, None, None]
        ),
        steps=tf.reduce_max(steps),
        step_size=unit * step_size[:, None, None, None],
        keep=KeepAfter(steps),
    )


@dataclass(frozen=True)
class LASAT(Objective):
    """PGD-AT whose attack is set, image by image, by a learned strategy.

    Only adversarial images are trained on; their radius may go beyond the
    one that is evaluated.

    Args:
        attack: Start of the attack, and what measures the reward. Default:
            10 steps of 2/255 at eps 8/255.
        policy: What the strategy chooses from, and how it learns. Default:
            published for CIFAR-10.
        true_class: Share of the target on the true class; the other classes
            share the rest. Default 0.7 (CIFAR-100: 0.6, Tiny-ImageNet: 0.8).

    Example:
    >>> LASAT().true_class
    0.7

    Reference:
        [Jia et al., 2022](https://arxiv.org/abs/2203.06616)
    """

    attack: PGD = PGD(Linf(8 / 255))
    policy: Policy = Policy()
    true_class: Annotated[float, Range(0.0, 1.0, above=True)] = 0.7
    terms: ClassVar[tuple[str, ...]] = ("robust",)
    weights_examples: ClassVar[bool] = True

    def without_attack(self) -> Objective:
        """Returns natural training: the strategy would set other steps."""
        return Natural()

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the strategy network with its optimizer."""
        return self.policy.build(spec.image_shape, self.attack)

    def craft(self, step: Step) -> Views:
        """Lets the strategy choose, then attacks the augmented images."""
        strategy = cast(Strategy, step.adversary)
        choices = strategy.choose(step.x, step.key.fold_in("strategy"))
        start = StartInBall(self.attack.threat_model.eps)
        attack = strengthened(
            replace(self.attack, start=start),
            *strategy.strengths(choices),
        )
        view = attacked_view(attack, step, step.x)
        return (ChosenView(view.x, view.x_adv, choices=tuple(choices)),)

    def ascent_loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the cross-entropy that enters the strategy's reward."""
        return PGDAT().loss(predict, views, y)

    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the cross-entropy of the adversarial images."""
        (view,) = views
        logits_adv = predict(view.x_adv, view.branch)
        classes = logits_adv.shape[-1]
        smoothing = (1.0 - self.true_class) * classes / (classes - 1)
        return {
            "robust": mean_over_views([cross_entropy(logits_adv, y, smoothing)])
        }
