"""Attacks in stages, between which the surviving images close their ranks."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Any, cast

import tensorflow as tf

from dat_keras.attacks.apgd import APGD
from dat_keras.attacks.base import Attack
from dat_keras.attacks.dlr import TARGETS, TargetedLoss
from dat_keras.attacks.fab import FAB
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Predict

Before = tuple[tf.Tensor, Images]
"""Number of stages before this one, an integer scalar, and what the last of
them returned; at first the clean images."""


class StagedAttack(abc.ABC):
    """A search cut into stages that one graph serves.

    Images that a stage breaks are done; the others go on to the next.
    """

    @abc.abstractmethod
    def stages(self, classes: int) -> int:
        """Returns the number of stages for a classifier of so many classes."""

    @abc.abstractmethod
    def passes(self, classes: int) -> tuple[int, int]:
        """Returns forward passes and gradients of an image that stands."""

    @abc.abstractmethod
    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key, before: Before
    ) -> Images:
        """Returns the images after one more stage.

        Args:
            predict: Maps images to logits, in inference mode.
            x: Clean images, correctly classified.
            y: Labels.
            key: Source of the random draws.
            before: Number of the stage, and what the last one returned.
        """


@dataclass(frozen=True)
class Restarts(StagedAttack):
    """An attack that is run again with new draws, from the clean images.

    Args:
        attack: The attack.
        times: Number of runs. Default: AutoAttack's `standard`.
    """

    attack: APGD | FAB
    times: int = 1

    def stages(self, classes: int) -> int:
        """Returns the number of runs."""
        return self.times

    def passes(self, classes: int) -> tuple[int, int]:
        """Returns those of all runs."""
        forwards, gradients = self.attack.passes(classes)
        return self.times * forwards, self.times * gradients

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key, before: Before
    ) -> Images:
        """Returns the images of one more run."""
        run, _ = before
        attack = self.attack.in_run(run)
        return attack(predict, x, y, key.fold_in(run))


@dataclass(frozen=True)
class EachTarget(StagedAttack):
    """An attack on one class after the other, by rank at the clean image.

    Args:
        attack: The attack, with a targeted loss, whose rank is put in.
        targets: Number of classes, if there are so many. Default: AutoAttack.
    """

    attack: APGD | FAB
    targets: int = TARGETS

    def __post_init__(self) -> None:
        """Refuses a loss that has no target."""
        if not isinstance(self.attack.loss, TargetedLoss):
            raise ValueError(
                "`attack` must have a targeted loss, such as `TargetedDLR()`. "
                f"Received: {self.attack.loss}"
            )

    def stages(self, classes: int) -> int:
        """Returns the number of targets."""
        return min(self.targets, classes - 1)

    def passes(self, classes: int) -> tuple[int, int]:
        """Returns those of all targets."""
        forwards, gradients = self.attack.passes(classes)
        targets = self.stages(classes)
        return targets * forwards, targets * gradients

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key, before: Before
    ) -> Images:
        """Returns the images attacked towards one more target."""
        stage, _ = before
        aimed = cast(TargetedLoss, self.attack.loss)
        loss: Any = replace(aimed, rank=stage + 2)
        attack = replace(self.attack, loss=loss)
        return attack(predict, x, y, key.fold_in(stage))


@dataclass(frozen=True)
class Ensemble(Attack):
    """Staged attacks one after the other, as one attack in one graph.

    Every stage runs on all images; the first that breaks an image decides
    what is returned for it. For small budgets, as in validation.

    Args:
        threat_model: The set that the parts search.
        parts: The staged attacks.
    """

    parts: tuple[StagedAttack, ...] = ()

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns a broken image, or else the last part's, for each row."""
        logits = predict(x)
        chosen, standing = x, _correct(logits, y)
        for number, part in enumerate(self.parts):
            own = key.fold_in(number)

            def stage(
                i: tf.Tensor,
                x_adv: Images,
                chosen: Images,
                standing: tf.Tensor,
                part: StagedAttack = part,
                own: Key = own,
            ) -> tuple[tf.Tensor, Images, Images, tf.Tensor]:
                x_adv = part(predict, x, y, own, (i, x_adv))
                wide = standing[:, None, None, None]
                chosen = tf.where(wide, x_adv, chosen)
                standing &= _correct(predict(x_adv), y)
                return i + 1, x_adv, chosen, standing

            _, _, chosen, standing = tf.while_loop(
                lambda i, x_adv, chosen, standing: tf.reduce_any(standing),
                stage,
                (tf.constant(0), x, chosen, standing),
                parallel_iterations=1,
                maximum_iterations=part.stages(logits.shape[-1]),
            )
        return tf.stop_gradient(chosen)


def _correct(logits: tf.Tensor, y: Labels) -> tf.Tensor:
    return tf.argmax(logits, -1, output_type=y.dtype) == y
