"""One training step as values: context, views, learned adversary."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Network

Terms = dict[str, tf.Tensor]
"""Scalar loss terms by name; their sum is the loss."""


@dataclass(frozen=True)
class View:
    """One clean/adversarial pair and the BatchNorm branch that reads it.

    Args:
        x: Clean images.
        x_adv: Adversarial images made from `x` (`x` itself if there are none).
        branch: BatchNorm branch of both; 0 is the base branch.
    """

    x: Images
    x_adv: Images
    branch: int = 0


Views = tuple[View, ...]


@dataclass(frozen=True)
class Step:
    """The read-only context of one training step.

    Args:
        predict: The classifier in inference mode (frozen statistics).
        x: Augmented images.
        x_raw: The same images before augmentation.
        y: Labels, shape `(B,)`, or distributions over classes, `(B, K)`.
        progress: Share of the training done, a scalar in `[0, 1]`.
        key: Randomness of this step.
        adversary: The learned adversary, if the objective has one.
        labels_mixed: Whether the augmentation mixed labels, so that `y` are
            not those of `x_raw`.
        share: Weight of this replica's mean in the mean of the global batch.
    """

    predict: Network
    x: Images
    x_raw: Images
    y: Labels
    progress: tf.Tensor
    key: Key
    adversary: Adversary
    labels_mixed: bool = False
    share: float | tf.Tensor = 1.0


@dataclass(frozen=True)
class Ascent:
    """What a learned adversary needs for its update after the classifier's.

    Args:
        step: Context of the step.
        views: The crafted views, detached.
        gradients: Gradients of the adversary's `joint_weights`, from the
            classifier's backward pass.
        loss: Returns the terms to be raised, as functions of the adversary's
            weights, under the classifier's updated weights. It takes another
            step and views, if they are given.
    """

    step: Step
    views: Views
    gradients: Sequence[tf.Tensor]
    loss: Callable[..., Terms]


class Adversary(keras.layers.Layer, abc.ABC):
    """A learned adversary, which raises the loss that the classifier lowers.

    It owns its weights and its optimizer. There are two ways to update it:
    weights in `joint_weights` get their gradient from the
    classifier's own backward pass, and `ascend` may run passes of its own
    after the classifier has moved. Weights in `cooperative_weights` are on the
    classifier's side: its optimizer moves them, down its loss.
    """

    optimizer: Any = None
    """Optimizer of the adversary's own weights, if it learns."""

    def of_method(self) -> Adversary:
        """Returns the method's own player, which another one may hold."""
        return self

    def build_from(self, classifier: keras.Model) -> None:
        """Builds layers and variables that depend on the classifier.

        Called once, before any step. By default there are none.
        """

    @property
    def cooperative_weights(self) -> list[keras.Variable]:
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
    def ascend(self, ascent: Ascent) -> None:
        """Takes one step up."""


class NoAdversary(Adversary):
    """The learned adversary of objectives that have none."""

    @property
    def joint_weights(self) -> list[keras.Variable]:
        """No weights."""
        return []

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the detached views."""
        return views

    def ascend(self, ascent: Ascent) -> None:
        """Does nothing."""
