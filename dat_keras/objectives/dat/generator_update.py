"""The gradient of DAT's generator: from its own or the classifier's pass.

sequential: after the classifier's step, a fresh forward and backward pass
            (the order of the published code)
fused:      the classifier's own backward pass, its sign flipped where it
            enters the recombined images
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from dat_keras.core.gradients import terms_and_gradients
from dat_keras.objectives.step import Ascent, View, Views

Weights = list[keras.Variable]


@dataclass(frozen=True)
class GeneratorUpdate:
    """A rule for the gradient of the generator's step.

    Args:
        shares_pass: Whether the classifier's backward pass computes it.
        descent: Returns the gradient of the *negative* loss in the weights.
    """

    shares_pass: bool
    descent: Callable[[Ascent, Weights], Sequence[tf.Tensor]]


def sequential_descent(ascent: Ascent, weights: Weights) -> Sequence[tf.Tensor]:
    """Differentiates the loss once more, after the classifier's step."""
    _, (gradients,) = terms_and_gradients(
        ascent.loss, weights, scale=-1.0 * ascent.step.share
    )
    return gradients


def fused_descent(ascent: Ascent, weights: Weights) -> Sequence[tf.Tensor]:
    """Returns the gradient that came out of the classifier's backward pass.

    The generator then sees the classifier before its step, as simultaneous
    gradient play does, and saves three forward and two backward passes. Under
    AWP that pass runs at the perturbed weights, and so this gradient is taken
    there; the sequential one, as published, after they are restored.
    """
    return ascent.gradients


def reversed_gradient(views: Views) -> Views:
    """Returns the views; gradients that flow into them change their sign."""
    return tuple(
        View(_flip_gradient(v.x), _flip_gradient(v.x_adv), v.branch)
        for v in views
    )


UPDATES = {
    "sequential": GeneratorUpdate(False, sequential_descent),
    "fused": GeneratorUpdate(True, fused_descent),
}
"""Updates of the generator by name."""


@tf.custom_gradient
def _flip_gradient(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    return tf.identity(x), lambda upstream: -upstream
