"""What the recipes say of themselves, for lists of them."""

from __future__ import annotations

from dat_keras.objectives.catalog import Description
from dat_keras.recipes import RECIPES, Recipe
from dat_keras.utils.registry import lookup, matching


def recipes_table(pattern: str = "*") -> list[list[str]]:
    """The cells of a table of recipes, its header first.

    Args:
        pattern: A part of the names wanted; with `*` or `?` in it, all of
            them. Default: every recipe.

    Raises:
        ValueError: If no name fits; it names the nearest.

    Example:
    >>> recipes_table("dat-cifar10-resnet18")[1][:3]
    ['dat-cifar10-resnet18', '150', '128']
    """
    names = matching(RECIPES, pattern)
    if not names:
        lookup(RECIPES, pattern, "recipe")
    return [
        ["recipe", "epochs", "batch", "summary"],
        *(_row(RECIPES[name]) for name in names),
    ]


def _row(recipe: Recipe) -> list[str]:
    summary = Description.of(type(recipe.objective)).summary
    return [recipe.name, str(recipe.epochs), str(recipe.batch_size), summary]
