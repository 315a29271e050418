"""GradAlign: gradient alignment (Andriushchenko and Flammarion, NeurIPS 2020).

min_theta  CE(f(x'), y) + weight * (1 - cos(g(x), g(x + eta)))
g(x) = grad_x CE(f(x), y),   eta ~ U(-eps, eps)
x'   = x + eps sign(g(x)), or another single step
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

import tensorflow as tf

from dat_keras.attacks import PGD, Attack, CleanStart
from dat_keras.classifiers.predictor import with_moving_statistics
from dat_keras.core.gradients import input_gradient
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Images, Labels, PerExample, Predict
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import attacked_view
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.step import Step, Terms, View, Views
from dat_keras.utils.ranges import Weight


@dataclass(frozen=True)
class NoisyView(View):
    """A view with a random point near its clean image.

    Args:
        x_noisy: `x + eta`.
    """

    x_noisy: Images = field(kw_only=True)


@dataclass(frozen=True)
class GradAlign(PGDAT):
    """Single-step training with gradients that agree across the ball.

    Where they agree, one step finds what many steps find, which prevents
    catastrophic overfitting. The gradients of the term read frozen BatchNorm
    statistics, as attacks do here, so that no image depends on another; the
    published code reads batch statistics. `eta` keeps `x + eta` in the box.

    Four forward, three backward passes to the input and three to the weights,
    two of which also differentiate the backward passes of the term: about
    three times the time of FGSM.

    Args:
        attack: Inner maximisation, one step; its radius is that of `eta`.
            Default: FGSM from the image itself at eps 8/255.
        label_smoothing: Share of the target spread over all classes, also in
            the gradients that are aligned.
        weight: Weight of the term; 0 leaves it out. Default 0.2, the paper's
            for CIFAR-10 at eps 8/255.

    Example:
    >>> GradAlign(weight=0.0).attack.steps
    1

    Reference:
        [Andriushchenko and Flammarion, 2020](https://arxiv.org/abs/2007.02617)
    """

    attack: Attack = PGD(
        Linf(8 / 255), steps=1, step_size=8 / 255, start=CleanStart()
    )
    weight: Weight = 0.2
    terms: ClassVar[tuple[str, ...]] = ("robust", "alignment")

    def craft(self, step: Step) -> Views:
        """Attacks the augmented images and draws the noisy ones."""
        view = attacked_view(self.attack, step, step.x)
        noise = step.key.fold_in("alignment")
        x_noisy = self.attack.threat_model.random_start(step.x, noise)
        return (NoisyView(view.x, view.x_adv, view.branch, x_noisy=x_noisy),)

    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the adversarial loss and the weighted misalignment."""
        terms = super().loss(predict, views, y)
        (view,) = cast(tuple[NoisyView], views)
        if self.weight == 0.0:
            return terms | {"alignment": tf.constant(0.0)}
        frozen = with_moving_statistics(predict)
        at_x, at_noise = (
            input_gradient(
                lambda images: frozen(images, view.branch),
                lambda logits: cross_entropy(logits, y, self.label_smoothing),
                x,
            )[2]
            for x in (view.x, view.x_noisy)
        )
        misaligned = batch_mean(misalignment(at_x, at_noise))
        return terms | {"alignment": self.weight * misaligned}


def misalignment(a: Images, b: Images) -> PerExample:
    """`1 - cos(a, b)` of each pair of gradients, in `[0, 2]`.

    A gradient of zero has no direction: the value is then 0.

    Args:
        a: Gradients, shape `(B, H, W, C)`.
        b: As many others.

    Returns:
        Misalignment per example, shape `(B,)`.

    Example:
    >>> a, b = tf.constant([[[[3.0, 0.0]]]]), tf.constant([[[[0.0, 2.0]]]])
    >>> [float(misalignment(a, other)[0]) for other in (a, b, -a)]
    [0.0, 1.0, 2.0]
    """
    (a, a_is_zero), (b, b_is_zero) = _scaled(a), _scaled(b)
    cosine = tf.reduce_sum(a * b, axis=[1, 2, 3]) / (_norm(a) * _norm(b))
    return tf.where(a_is_zero | b_is_zero, tf.zeros_like(cosine), 1.0 - cosine)


def _scaled(gradient: Images) -> tuple[Images, tf.Tensor]:
    """A gradient whose largest entry is 1, and where it is zero.

    The squares of a confident net's gradients vanish in float32. Ones stand
    for a gradient of zero.
    """
    largest = tf.reduce_max(tf.abs(gradient), axis=[1, 2, 3], keepdims=True)
    is_zero = largest == 0.0
    one = tf.ones_like(gradient)
    scale = tf.stop_gradient(tf.where(is_zero, 1.0, largest))
    return tf.where(is_zero, one, gradient / scale), is_zero[:, 0, 0, 0]


def _norm(gradient: Images) -> PerExample:
    return tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))
