"""How many images validate a run: few where it trains on few."""

from __future__ import annotations

from collections.abc import Callable

from dat_keras.attacks import Attack
from dat_keras.data import Batches

FEW = 100
"""Fewer validation images choose the best epoch by chance; a run on fewer
training images is validated on so many."""


def bounded(
    validation: Batches,
    limit: int | None,
    count: int | None,
    say: Callable[[str], None],
) -> Batches:
    """Takes the validation images of a run from those of its data set.

    Args:
        validation: All validation images.
        limit: Number of training images; `None` is all.
        count: Number of validation images; `None` is all of them, or with a
            `limit` at most `max(limit, 100)`.
        say: Receives how many they are if that was not asked for, and a
            caution if they are too few to choose the best epoch by.

    Returns:
        All of them, or a fixed sample.

    Raises:
        ValueError: If `count` is more than there are.
    """
    whole = len(validation.split)
    if count is not None and count > whole:
        raise ValueError(
            f"`validation_images` must be at most {whole}, the number of "
            f"{validation.split.name}. Received: validation_images={count}"
        )
    wanted = count or (whole if limit is None else max(limit, FEW))
    if wanted < whole:
        split = validation.split.sample(wanted)
        validation = Batches(split, validation.batch_size, shuffle=False)
    if wanted < whole and count is None:
        say(
            f"validation uses {wanted} of {whole} images because limit="
            f"{limit}; `validation_images` sets another number"
        )
    if len(validation.split) < FEW:
        say(
            f"caution: the best epoch is chosen on {len(validation.split)} "
            f"validation images; below {FEW} this is mostly chance"
        )
    return validation


def say_caveat(attack: Attack, say: Callable[[str], None]) -> None:
    """Says what must be known of the accuracies under an attack."""
    if attack.caveat:
        say(f"val_robust_accuracy is measured by {attack}. {attack.caveat}")
