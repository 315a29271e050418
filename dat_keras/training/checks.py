"""Checks of a classifier, and of a loss and its gradients."""

from __future__ import annotations

import keras
import tensorflow as tf

from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.classifiers.subclassed import warn_of_subclassed
from dat_keras.objectives import Objective
from dat_keras.objectives.step import Step
from dat_keras.training.batch import Batch


def spec_of(classifier: keras.Model) -> ClassifierSpec:
    """Describes a classifier, and warns of one that trains slower.

    Args:
        classifier: The classifier.

    Raises:
        ValueError: As `ClassifierSpec.of` does.
    """
    spec = ClassifierSpec.of(classifier)
    warn_of_subclassed(classifier)
    return spec


def check_branches(branches: int, objective: Objective) -> None:
    """Refuses a classifier with fewer BatchNorm branches than are trained.

    Args:
        branches: Number of branches that the classifier has.
        objective: The training method.

    Raises:
        ValueError: With what to do.
    """
    if branches < objective.branches:
        raise ValueError(
            f"`{type(objective).__name__}` trains {objective.branches} "
            f"BatchNorm branches, the classifier has {branches}. Build it "
            f"with `branches={objective.branches}`, or share one branch with "
            f"`{type(objective).__name__}(split_bn=False)`."
        )


def check_weights(objective: Objective, step: Step, batch: Batch) -> None:
    """Refuses sample weights that would not weight a loss of each example.

    Args:
        objective: The training method.
        step: The augmented batch.
        batch: The batch.

    Raises:
        ValueError: With the reason.
    """
    if batch.weight is None:
        return
    name = type(objective).__name__
    if not objective.weights_examples:
        raise ValueError(
            "`sample_weight` and `class_weight` need one loss per example of "
            f"the batch; terms of `{name}` compare examples with each other, "
            "or are of a batch that was kept. Received: weights"
        )
    if step.labels_mixed:
        raise ValueError(
            "`sample_weight` and `class_weight` need one loss per example, "
            "and the augmentation mixes examples. Received: weights"
        )


def total(terms: dict[str, tf.Tensor], gradients: list[tf.Tensor]) -> tf.Tensor:
    """The loss, which is not finite either where a gradient is not.

    Args:
        terms: Scalar loss terms by name.
        gradients: Gradients of their sum.

    Example:
    >>> float(total({"loss": tf.constant(2.0)}, [tf.ones(3)]))
    2.0
    """
    loss = tf.add_n(list(terms.values()))
    return loss + 0.0 * tf.linalg.global_norm(gradients)


def finite(value: tf.Tensor) -> tf.Tensor:
    """Returns a check to be waited for before anything is written.

    So the state of the last good step survives. XLA compiles it away: see
    `guards.py`.

    Args:
        value: What must be finite.

    Example:
    >>> float(finite(tf.constant(2.0)))
    2.0
    """
    return tf.debugging.check_numerics(value, "The loss is not finite.")
