"""One eps for all attacks of a recipe, with step sizes in proportion."""

from __future__ import annotations

from collections.abc import Iterator

from dat_keras.recipes.base import Recipe
from dat_keras.utils.config import encode
from dat_keras.utils.overrides import override


def with_radius(recipe: Recipe, eps: float) -> Recipe:
    """Returns a recipe whose attacks, training and validation, have a radius.

    Args:
        recipe: The recipe.
        eps: Radius in pixel units of `[0, 1]`.

    Raises:
        ValueError: If the method has radii of its own, such as LAS-AT's.

    Example:
    >>> from dat_keras.recipes import RECIPES
    >>> half = with_radius(RECIPES["dat-cifar10-resnet18"], 4 / 255)
    >>> round(half.objective.attack.step_size * 255, 3)
    1.0
    """
    for path, fields in _attacks_of(encode(recipe)):
        if "threat_model" not in fields:
            raise ValueError(
                f"`eps` cannot be set for {type(recipe.objective).__name__}, "
                f"which has its own in {path}: use --set. Received: eps={eps:g}"
            )
        if "step_size" in fields:
            step = fields["step_size"] * eps / fields["threat_model"]["eps"]
            recipe = override(recipe, f"{path}.step_size={step}")
        recipe = override(recipe, f"{path}.threat_model.eps={eps}")
    return recipe


def _attacks_of(fields: object, path: str = "") -> Iterator[tuple[str, dict]]:
    """Yields what has a radius in an encoded recipe, and where it is."""
    if not isinstance(fields, dict):
        return
    named = "threat_model" in fields or any(
        "eps" in name.split("_") for name in fields
    )
    if named and "threat_model" not in path.rpartition(".")[2]:
        yield path, fields
    for name, value in fields.items():
        yield from _attacks_of(value, f"{path}.{name}".lstrip("."))
