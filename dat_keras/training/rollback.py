"""`--on-nan rollback`: back to the last good state, with a lower rate.

The state is that of the beginning of the epoch, a function of the recipe
alone, while other checkpoints depend on the clock. So a run with rollbacks is
as repeatable as one without.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from dat_keras.recipes import Recipe
from dat_keras.training import checkpoint
from dat_keras.utils.errors import TrainingDivergedError

ON_NAN = ("stop", "rollback")
"""What to do when the loss is not finite."""
FACTOR = 0.5
"""What a rollback multiplies the learning rate by."""
MOST = 5
"""Rollbacks of a run; after them it ends as without."""
DIVERGED = tf.errors.InvalidArgumentError, TrainingDivergedError


def is_divergence(error: Exception) -> bool:
    """Whether an error of `fit` says that the loss is not finite.

    Example:
    >>> is_divergence(TrainingDivergedError("the loss is not finite"))
    True
    """
    return isinstance(error, DIVERGED) and "not finite" in str(error)


def slowed(recipe: Recipe, rate_factor: float) -> Recipe:
    """Returns a recipe with another learning rate of the classifier.

    Args:
        recipe: The recipe.
        rate_factor: What to multiply the rate by.

    Example:
    >>> from dat_keras.recipes import RECIPES
    >>> slowed(RECIPES["dat-cifar10-resnet18"], 0.5).optimizer.learning_rate
    0.05
    """
    rate = recipe.optimizer.learning_rate * rate_factor
    optimizer = replace(recipe.optimizer, learning_rate=rate)
    return replace(recipe, optimizer=optimizer)


def state_before(
    folder: Path, step: int, steps_per_epoch: int, rate_factor: float
) -> Path | None:
    """Finds where a run whose loss is not finite goes on, and clears the rest.

    Args:
        folder: Where checkpoints are kept; those of the epoch are removed.
        step: Steps done before the one that failed.
        steps_per_epoch: Steps of an epoch.
        rate_factor: That of the run so far.

    Returns:
        The checkpoint of the epoch's beginning; `None` is the untrained model.

    Raises:
        TrainingDivergedError: If a lower rate cannot help, or did not.
    """
    began = step - step % steps_per_epoch
    found = checkpoint.path_of(folder, began) if began else None
    if rate_factor <= FACTOR**MOST:
        why = f"after {MOST} rollbacks"
    elif step == began:
        why = "in the first step of an epoch, which a lower rate cannot change"
    elif found is not None and checkpoint.damage(found):
        why = f"and the state to go back to, {found}, is not there"
    else:
        checkpoint.discard_after(folder, found)
        return found
    raise TrainingDivergedError(f"the loss is not finite at step {step}, {why}")
