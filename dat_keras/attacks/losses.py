"""Losses that attacks maximise: cross-entropy, KL divergence, margins."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict
from dat_keras.losses import cross_entropy, kl_divergence, margin
from dat_keras.utils.ranges import Range, RangeChecked


@dataclass(frozen=True)
class AttackLoss(RangeChecked, abc.ABC):
    """A loss of the adversarial logits, per example, to be maximised."""

    @abc.abstractmethod
    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the loss as a function of the adversarial logits alone.

        Whatever depends on the clean images is computed here, once per
        attack and not once per step.
        """


@dataclass(frozen=True)
class CrossEntropy(AttackLoss):
    """`CE(f(x_adv), y)`, the loss of FGSM and PGD.

    Args:
        label_smoothing: Share of the target spread over all classes.
    """

    label_smoothing: Annotated[float, Range(0.0, 1.0)] = 0.0

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the cross-entropy against `y`."""
        return lambda logits: cross_entropy(logits, y, self.label_smoothing)


@dataclass(frozen=True)
class KLFromClean(AttackLoss):
    """`KL(p(x) || p(x_adv))`, the loss of TRADES' attack.

    At `x_adv = x` its gradient is zero, in float32 rounding errors whose sign
    is arbitrary: start from noise.
    """

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the divergence from the clean prediction."""
        clean = tf.stop_gradient(predict(x))
        return lambda logits: kl_divergence(clean, logits)


@dataclass(frozen=True)
class KLFromLogits(AttackLoss):
    """`KL(q || p(x_adv))` from given predictions, such as a teacher's (RSLAD).

    Args:
        reference: Logits of `q`, shape `(B, K)`.
    """

    reference: Logits

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the divergence from the given predictions."""
        return lambda logits: kl_divergence(self.reference, logits)


@dataclass(frozen=True)
class CrossEntropyPlusKL(AttackLoss):
    """`CE(f(x_adv), y) + beta * KL(p(x) || p(x_adv))`, DAT's `L_AE`.

    Args:
        beta: Weight of the divergence. Default: DAT's paper, Section 4.1.
        label_smoothing: Smoothing of the cross-entropy.

    Reference:
        [Li et al., 2024](https://arxiv.org/abs/2410.12307)
    """

    beta: Annotated[float, Range(0.0)] = 15.0
    label_smoothing: Annotated[float, Range(0.0, 1.0)] = 0.0

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the weighted sum of both parts."""
        supervised = CrossEntropy(self.label_smoothing).bind(predict, x, y)
        divergence = KLFromClean().bind(predict, x, y)
        return lambda logits: (
            supervised(logits) + self.beta * divergence(logits)
        )


@dataclass(frozen=True)
class CarliniWagner(AttackLoss):
    """`-relu(z_y - max_{j != y} z_j + kappa)`: the margin, down to `-kappa`.

    Args:
        kappa: Confidence. Default 10, as DAT's evaluation uses.
    """

    kappa: Annotated[float, Range(0.0)] = 10.0

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the negative margin, flat once it is below `-kappa`."""
        return lambda logits: -tf.nn.relu(margin(logits, y) + self.kappa)


@dataclass(frozen=True)
class CarliniWagnerDAT(AttackLoss):
    """`CarliniWagner` with the masking flaw of DAT's evaluation script.

    The true logit is multiplied by zero and not removed, so the rival is
    `max(0, largest wrong logit)` and gives no gradient where that is 0. For
    comparison with the published numbers only.

    Args:
        kappa: Confidence.
    """

    kappa: Annotated[float, Range(0.0)] = 10.0

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the flawed negative margin."""

        def loss(logits: Logits) -> PerExample:
            true = tf.one_hot(y, logits.shape[-1])
            rival = tf.reduce_max((1.0 - true) * logits, axis=-1)
            own = tf.reduce_sum(true * logits, axis=-1)
            return -tf.nn.relu(own - rival + self.kappa)

        return loss
