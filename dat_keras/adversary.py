"""The second player of a min-max objective, and how it is updated."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import keras
import tensorflow as tf

from dat_keras.gradients import terms_and_gradients
from dat_keras.types import Step, View

Terms = dict[str, tf.Tensor]
Views = tuple[View, ...]


class Adversary(keras.layers.Layer, abc.ABC):
    """A learned player that climbs the loss which the classifier descends.

    It owns its weights and its optimizer. The training step gives it two
    chances: weights in `joint_weights` get their gradient from the
    classifier's own backward pass, and `ascend` may run passes of its own
    after the classifier has moved. Weights in `allied_weights` are on the
    classifier's side: its optimizer moves them, down its loss.
    """

    def follow(self, classifier: keras.Model) -> None:
        """Builds what mirrors the classifier, by default nothing.

        Called once, before any step.
        """

    @property
    def allied_weights(self) -> list[keras.Variable]:
        """Weights that descend with the classifier's, by default none."""
        return []

    @property
    @abc.abstractmethod
    def joint_weights(self) -> list[keras.Variable]:
        """Weights whose gradient the classifier's backward pass computes."""

    @abc.abstractmethod
    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the views of the classifier's loss.

        Args:
            views: The crafted views, detached.
            attach: Returns the same views as differentiable functions of
                this adversary's weights.
        """

    @abc.abstractmethod
    def ascend(
        self,
        step: Step,
        views: Views,
        joint: Sequence[tf.Tensor],
        loss: Callable[[], Terms],
    ) -> None:
        """Takes one step up.

        Args:
            step: Context of the step.
            views: The crafted views, detached.
            joint: Gradients of `joint_weights`.
            loss: Returns the terms to be raised, attached to the weights,
                under the classifier's weights of the moment.
        """


class NoAdversary(Adversary):
    """The second player of objectives that have none."""

    @property
    def joint_weights(self) -> list[keras.Variable]:
        """No weights."""
        return []

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the detached views."""
        return views

    def ascend(
        self,
        step: Step,
        views: Views,
        joint: Sequence[tf.Tensor],
        loss: Callable[[], Terms],
    ) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class Update(abc.ABC):
    """How an adversary gets the gradient that it follows."""

    own_passes: ClassVar[bool] = True
    """Whether the classifier is run anew for it."""

    @abc.abstractmethod
    def joint_weights(
        self, weights: list[keras.Variable]
    ) -> list[keras.Variable]:
        """Returns those of `weights` that share the classifier's pass."""

    @abc.abstractmethod
    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the views of the classifier's loss."""

    @abc.abstractmethod
    def descent(
        self,
        joint: Sequence[tf.Tensor],
        loss: Callable[[], Terms],
        weights: list[keras.Variable],
    ) -> Sequence[tf.Tensor]:
        """Returns the gradient of the *negative* loss in `weights`."""


@dataclass(frozen=True)
class Sequential(Update):
    """A fresh forward and backward pass after the classifier's step.

    The order of DAT's published code.
    """

    def joint_weights(
        self, weights: list[keras.Variable]
    ) -> list[keras.Variable]:
        """Shares nothing."""
        return []

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the detached views."""
        return views

    def descent(
        self,
        joint: Sequence[tf.Tensor],
        loss: Callable[[], Terms],
        weights: list[keras.Variable],
    ) -> Sequence[tf.Tensor]:
        """Differentiates the loss once more."""
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        _, (gradients,) = terms_and_gradients(
            loss, weights, scale=-1.0 / replicas
        )
        return gradients


@dataclass(frozen=True)
class Fused(Update):
    """The classifier's own backward pass, its sign flipped at the images.

    The adversary then sees the classifier before its step, as simultaneous
    gradient play does, and saves three forward and two backward passes.
    """

    own_passes: ClassVar[bool] = False

    def joint_weights(
        self, weights: list[keras.Variable]
    ) -> list[keras.Variable]:
        """Shares everything."""
        return weights

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns attached views whose gradient changes sign."""
        return tuple(
            View(_flip_gradient(v.x), _flip_gradient(v.x_adv), v.branch)
            for v in attach()
        )

    def descent(
        self,
        joint: Sequence[tf.Tensor],
        loss: Callable[[], Terms],
        weights: list[keras.Variable],
    ) -> Sequence[tf.Tensor]:
        """Returns the gradient that came with the classifier's."""
        return joint


UPDATES: dict[str, Update] = {"sequential": Sequential(), "fused": Fused()}
"""Updates of a learned adversary by name."""


@tf.custom_gradient
def _flip_gradient(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    return tf.identity(x), lambda upstream: -upstream
