"""Augmentations that a recipe can be given, and taking all of them away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dat_keras.augment import Augment, Chain, CutOut, KerasCV, Unchanged
from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    RecombinedAT,
    UnionObjective,
    method_of,
)
from dat_keras.recipes.base import Recipe

CLASSES_OF = {
    "cifar10": 10,
    "cifar100": 100,
    "tiny_imagenet": 200,
    "shapes": 10,
    "imagenet2012": 1000,
}
"""Number of classes, for augmentations that mix labels."""


KERAS_CV = {
    "gridmask": KerasCV("GridMask"),
    "augmix": KerasCV("AugMix"),
    "random-hue": KerasCV("RandomHue", (("factor", 0.1),)),
    "random-sharpness": KerasCV("RandomSharpness", (("factor", 0.5),)),
    "random-blur": KerasCV(
        "RandomGaussianBlur", (("kernel_size", 3), ("factor", 1.0))
    ),
    "channel-shuffle": KerasCV("ChannelShuffle"),
}
"""Layers of KerasCV, with its defaults where it has some."""


def before(augment: Augment, recipe: Recipe) -> Recipe:
    """Runs an augmentation on the raw images, before crop and flip."""
    return replace(recipe, augment=Chain((augment, recipe.augment)))


def after(augment: Augment, recipe: Recipe) -> Recipe:
    """Runs an augmentation on the cropped and flipped images."""
    return replace(recipe, augment=Chain((recipe.augment, augment)))


def cut_out(recipe: Recipe) -> Recipe:
    """Adds CutOut: squares of 16 pixels, of 8 on CIFAR-100, as published."""
    side = {"cifar100": 8}.get(recipe.dataset, 16)
    return after(CutOut(side), recipe)


def label_mixing(
    augment: Callable[[int], Augment], name: str, recipe: Recipe
) -> Recipe:
    """Adds an augmentation that must know the number of classes.

    Raises:
        ValueError: If the data set is not one whose number is known.
    """
    if recipe.dataset not in CLASSES_OF:
        raise ValueError(
            f"`+{name}` is offered for {', '.join(CLASSES_OF)}. "
            f"Received: dataset={recipe.dataset!r}"
        )
    return after(augment(CLASSES_OF[recipe.dataset]), recipe)


def unaugmented(recipe: Recipe) -> Recipe:
    """Turns augmentation off, of the base view and of recombined images.

    Raises:
        ValueError: If the method consists in an augmentation.
    """
    method = method_of(recipe.objective)
    if isinstance(method, DAJAT | IDBH):
        raise ValueError(
            "`+no-augment` would leave nothing of a method that consists in "
            "an augmentation: use `trades` or `pgd-at`. Received: a recipe of "
            f"{type(method).__name__}"
        )
    objective = recipe.objective
    if hasattr(method, "augment"):
        method = replace(  # type: ignore[call-arg]
            method, augment=Unchanged()
        )
        objective = (
            replace(objective, base=method)
            if isinstance(objective, UnionObjective)
            else method
        )
    return replace(recipe, objective=objective, augment=Unchanged())


def all_or_no_augmentation(recipe: Recipe) -> str | None:
    """A caution on a recipe that augments one of its kinds of view alone.

    Args:
        recipe: Any recipe.

    Returns:
        A sentence if the base view is augmented and the recombined one is
        not, or the other way round; else `None`.
    """
    method = method_of(recipe.objective)
    if not isinstance(method, DAT | RecombinedAT):
        return None
    views = recipe.augment, method.augment
    base, recombined = (isinstance(view, Unchanged) for view in views)
    if base == recombined:
        return None
    off, on = ("augment", "objective.augment")[:: 1 if base else -1]
    return (
        f"`{off}` is Unchanged and `{on}` is not: one kind of view alone is "
        "augmented. `+no-augment` after the method turns both off."
    )
