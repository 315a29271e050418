"""Outer minimisation: the loss, its backward pass, what is to be written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import tensorflow as tf

from dat_keras.classifiers.held_updates import HeldUpdates
from dat_keras.classifiers.regularization import Regularization
from dat_keras.core.gradients import clipped, terms_and_gradients
from dat_keras.core.replicas import without_rows
from dat_keras.objectives import Objective
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.training.checks import finite, total


@dataclass(frozen=True)
class Descent:
    """The outer loss of one batch and its gradients; nothing is written yet.

    Args:
        terms: Scalar loss terms by name.
        gradients: Gradients of the weights that the optimizer moves.
        joint: Gradients of the learned adversary's `joint_weights`.
        updates: Updates of BatchNorm statistics.
    """

    terms: Terms
    gradients: list[tf.Tensor]
    joint: list[tf.Tensor]
    updates: HeldUpdates

    @property
    def total(self) -> tf.Tensor:
        """The loss; not finite where a term or a gradient is not."""
        return total(self.terms, self.gradients)

    @property
    def is_finite(self) -> tf.Tensor:
        """A check to be waited for: fails if a term or gradient is not."""
        return finite(self.total)

    def clipped(self, norm: float) -> Descent:
        """Returns the same with the gradients' global norm bounded."""
        return replace(self, gradients=clipped(self.gradients, norm))


def outer_descent(
    classifier: keras.Model,
    objective: Objective,
    step: Step,
    views: Views,
    *,
    weights: list[keras.Variable],
    perturbation: WeightPerturbation,
    regularization: Regularization = Regularization(),  # noqa: B008
) -> Descent:
    """Returns the outer loss and its gradients, at weights that AWP moved.

    Args:
        classifier: The classifier.
        objective: The training method.
        step: Context of the step.
        views: What `objective.craft` returned.
        weights: What the optimizer moves.
        perturbation: AWP, or none.
        regularization: What the classifier adds to the loss; AWP climbs it
            too.
    """
    adds_losses = regularization.in_passes
    updates = HeldUpdates(classifier, adds_losses)
    adversary = step.adversary

    def loss() -> Terms:
        attached = adversary.joint_views(
            views, lambda: objective.attach(step, views)
        )
        terms = objective.loss(updates.predict, attached, step.y)
        return regularization.added_to(terms, updates.passes)

    def loss_of_perturbation() -> Terms:
        discarded = HeldUpdates(classifier, adds_losses)
        terms = objective.perturbation_loss(discarded.predict, views, step.y)
        return regularization.added_to(terms, discarded.passes)

    with perturbation.applied(
        classifier.trainable_variables,
        loss_of_perturbation,
        step.progress,
        step.share,
    ):
        terms, (gradients, joint) = terms_and_gradients(
            loss, weights, adversary.joint_weights, scale=step.share
        )
    terms, gradients, joint = without_rows(
        (terms, gradients, joint), step.share
    )
    return Descent(terms, gradients, joint, updates)
