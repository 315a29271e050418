"""Attacks run in stages: restarts, one target after another, ensembles.

Between stages, the images not yet broken are regrouped into full batches.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import tensorflow as tf

from dat_keras.attacks.apgd import APGD
from dat_keras.attacks.base import Attack
from dat_keras.attacks.dlr import TARGETS, TargetedLoss
from dat_keras.attacks.fab import FAB
from dat_keras.attacks.sparse_apgd import SparseAPGD
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.utils.ranges import Range, RangeChecked

Before = tuple[tf.Tensor, Images]
"""Number of stages before this one, an integer scalar, and the images that the
last of them returned; at first the clean images."""


class StagedAttack(abc.ABC):
    """An attack split into stages that share one graph.

    The next stage runs on the images that the last one did not break.
    """

    @abc.abstractmethod
    def stages(self, classes: int) -> int:
        """Returns the number of stages for a classifier of so many classes."""

    @abc.abstractmethod
    def passes(self, classes: int) -> tuple[int, int]:
        """Returns forward passes and gradients of an unbroken image."""

    def check(  # noqa: B027
        self, classes: int, shape: tuple[int, int, int]
    ) -> None:
        """Refuses a classifier or images that it does not work on.

        Args:
            classes: Number of classes.
            shape: `(H, W, C)` of the images.

        Raises:
            ValueError: If it does not work on them.
        """

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
            before: Number of the stage, and the images the last one returned.
        """


@dataclass(frozen=True)
class Restarts(RangeChecked, StagedAttack):
    """An attack that is run again with new draws, from the clean images.

    Args:
        attack: The attack.
        times: Number of runs. Default: AutoAttack's `standard`.
    """

    attack: APGD | SparseAPGD | FAB
    times: Annotated[int, Range(1)] = 1

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses what the attack does not work on."""
        self.attack.check(classes, shape)

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
class EachTarget(RangeChecked, StagedAttack):
    """A targeted attack on one class after another, by rank at the clean image.

    Args:
        attack: The attack, with a targeted loss; each stage sets its rank.
        targets: Number of targets, at most one less than the classes. Default:
            AutoAttack.
    """

    attack: APGD | SparseAPGD | FAB
    targets: Annotated[int, Range(1)] = TARGETS

    def __post_init__(self) -> None:
        """Refuses a loss that has no target."""
        super().__post_init__()
        if not isinstance(self.attack.loss, TargetedLoss):
            raise ValueError(
                "`attack` must have a targeted loss, such as `TargetedDLR()`. "
                f"Received: {self.attack.loss}"
            )

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses what the attack does not work on."""
        self.attack.check(classes, shape)

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
    """Staged attacks run one after another, as one attack in one graph.

    Every stage runs on all images; the first that breaks an image decides
    what is returned for it. For small budgets, as in validation.

    Args:
        threat_model: The set that the parts search.
        parts: The staged attacks.
    """

    parts: tuple[StagedAttack, ...] = ()

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses what a part does not work on."""
        for part in self.parts:
            part.check(classes, shape)

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns a broken image, or else the last part's, for each row."""
        logits = predict(x)
        chosen, unbroken = x, _correct(logits, y)
        for number, part in enumerate(self.parts):
            own = key.fold_in(number)

            def stage(
                i: tf.Tensor,
                x_adv: Images,
                chosen: Images,
                unbroken: tf.Tensor,
                part: StagedAttack = part,
                own: Key = own,
            ) -> tuple[tf.Tensor, Images, Images, tf.Tensor]:
                x_adv = part(predict, x, y, own, (i, x_adv))
                wide = unbroken[:, None, None, None]
                chosen = tf.where(wide, x_adv, chosen)
                unbroken &= _correct(predict(x_adv), y)
                return i + 1, x_adv, chosen, unbroken

            _, _, chosen, unbroken = tf.while_loop(
                lambda i, x_adv, chosen, unbroken: tf.reduce_any(unbroken),
                stage,
                (tf.constant(0), x, chosen, unbroken),
                parallel_iterations=1,
                maximum_iterations=part.stages(logits.shape[-1]),
            )
        return tf.stop_gradient(chosen)


def _correct(logits: tf.Tensor, y: Labels) -> tf.Tensor:
    return tf.argmax(logits, -1, output_type=y.dtype) == y
