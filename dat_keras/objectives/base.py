"""The interface of training methods: an inner maximisation, an outer loss."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import tensorflow as tf

from dat_keras.adversary import Adversary, NoAdversary, Terms, Views
from dat_keras.attacks import Attack
from dat_keras.types import Images, Labels, Predict, Step, View


@dataclass(frozen=True)
class Objective(abc.ABC):
    """A training method as a value: settings, and two pure functions.

    `craft` makes the training views (inner maximisation), `loss` scores them
    (outer minimisation). A method with a learned second player also builds
    it, and says in `attach` how the views depend on it.
    """

    terms: ClassVar[tuple[str, ...]]
    """Names of the loss terms, in the order of the logs."""

    selects_by: ClassVar[tuple[str, ...]] = ("robust_accuracy", "accuracy")
    """Validation metrics that pick the best checkpoint, the first one first."""

    @property
    def branches(self) -> int:
        """Number of BatchNorm branches that the method trains."""
        return 1

    @abc.abstractmethod
    def craft(self, step: Step) -> Views:
        """Returns the views of this step, detached from every gradient."""

    @abc.abstractmethod
    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns weighted scalar terms; their sum is the loss.

        Args:
            predict: The classifier in training mode.
            views: What `craft` returned, or `attach`.
            y: Labels, shape `(B,)`, or distributions, `(B, K)`.
        """

    def build_adversary(
        self, image_shape: tuple[int, int, int], num_classes: int
    ) -> Adversary:
        """Returns the second player, by default none."""
        return NoAdversary(name="no_adversary")

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as differentiable functions of the adversary."""
        return views

    def ascent_loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the terms that the adversary raises."""
        return self.loss(predict, views, y)

    @property
    def ascent_updates_statistics(self) -> bool:
        """Whether the adversary's passes move BatchNorm statistics."""
        return False


def attacked(attack: Attack, step: Step, x: Images, branch: int = 0) -> View:
    """Returns the view of `x` and its adversarial twin on a branch."""
    predict = partial(step.predict, branch=branch)
    key = step.key.fold_in("attack").fold_in(branch)
    return View(x, attack(predict, x, step.y, key), branch)


def mean(values: list[tf.Tensor]) -> tf.Tensor:
    """Returns the mean over a list of per-example values and the batch."""
    return tf.reduce_mean(tf.add_n(values)) / len(values)
