"""How many images validate a run; those of full-size runs are all used."""

from __future__ import annotations

from collections.abc import Callable

from dat_keras.attacks import Attack
from dat_keras.data import Batches

FEW = 100
"""Fewer validation images choose the best epoch by chance; a run on fewer
training images is validated on so many."""


def few(
    validation: Batches, limit: int | None, say: Callable[[str], None]
) -> Batches:
    """Bounds the validation of a run on few training images.

    Args:
        validation: The validation images.
        limit: Number of training images; `None` is all.
        say: Receives a caution if they are too few to choose by.

    Returns:
        All of them, or a fixed sample of `max(limit, 100)`.
    """
    split = validation.split
    if limit is not None and len(split) > max(limit, FEW):
        split = split.sample(max(limit, FEW))
        validation = Batches(split, validation.batch_size, shuffle=False)
    if len(split) < FEW:
        say(
            f"caution: the best epoch is chosen on {len(split)} validation "
            f"images; below {FEW} this is mostly chance"
        )
    return validation


def say_caveat(attack: Attack, say: Callable[[str], None]) -> None:
    """Says what must be known of the accuracies under an attack."""
    if attack.caveat:
        say(f"val_robust_accuracy is measured by {attack}. {attack.caveat}")
