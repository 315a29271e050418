"""Recipes by name, and the choice of one from what a user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dat_keras.architectures import ARCHITECTURES
from dat_keras.objectives import OBJECTIVES
from dat_keras.recipes.additions import ADDITIONS, extended
from dat_keras.recipes.base import CLASSES, SETTABLE, Recipe
from dat_keras.recipes.combined import COMBINED
from dat_keras.recipes.extra_data import ExtraData
from dat_keras.recipes.imagenet import IMAGENET
from dat_keras.recipes.own import OWN
from dat_keras.recipes.paper import PAPER
from dat_keras.recipes.radius import with_radius
from dat_keras.recipes.small import SMALL
from dat_keras.utils.overrides import override
from dat_keras.utils.registry import lookup

__all__ = [
    "ADDITIONS",
    "CLASSES",
    "RECIPES",
    "SETTABLE",
    "ExtraData",
    "Recipe",
    "choose",
    "resolve",
]

RECIPES: dict[str, Recipe] = PAPER | COMBINED | OWN | SMALL | IMAGENET
"""All recipes by name."""

SMALL_ARCHITECTURES = {recipe.architecture for recipe in SMALL.values()}

DEFAULT_ARCHITECTURES = {"shapes": "resnet8", "imagenet2012": "resnet50"}
"""Architectures for data sets that ResNet-18 for small images does not fit."""


def choose(
    dataset: str = "shapes",
    method: str = "dat",
    architecture: str | None = None,
) -> Recipe:
    """The recipe for a data set, a method and an architecture.

    Where none is tabled, the settings are those of the data set on
    ResNet-18. Small architectures take the recipe for a CPU, and data sets
    that the paper does not have those of CIFAR-10.

    Args:
        dataset: Name or folder of a data set.
        method: Key of `OBJECTIVES`; after it, each behind a `+`, keys of
            `ADDITIONS`, which change the recipe one after the other.
        architecture: Key of `ARCHITECTURES`; by default ResNet-18,
            ResNet-8 for `shapes` and ResNet-50 for `imagenet2012`.

    Raises:
        ValueError: For an unknown method, addition or architecture.

    Example:
    >>> choose("cifar100").name
    'dat-cifar100-resnet18'
    >>> choose("cifar100", "trades+awp").weight_perturbation.gamma
    0.005
    """
    method, *added = method.split("+")
    lookup(OBJECTIVES, method, "method")
    architecture = architecture or DEFAULT_ARCHITECTURES.get(
        dataset, "resnet18"
    )
    lookup(ARCHITECTURES, architecture, "architecture")
    recipe = _tabled(dataset, method, architecture)
    return extended(recipe, added)


def _tabled(dataset: str, method: str, architecture: str) -> Recipe:
    small = architecture in SMALL_ARCHITECTURES
    places = (
        f"{dataset}-{architecture}",
        *(() if small else (f"{dataset}-resnet18",)),
        f"cifar10-{architecture}",
        "cifar10-resnet18",
    )
    names = [f"{method}-{place}" for place in places]
    name = next(name for name in names if name in RECIPES)
    if name == names[0]:
        return RECIPES[name]
    return replace(
        RECIPES[name],
        name=names[0],
        dataset=dataset,
        architecture=architecture,
        limit=None,
    )


def resolve(choice: Mapping[str, Any], run: Recipe | None = None) -> Recipe:
    """The recipe that a set of options means.

    Args:
        choice: `recipe`, or `dataset`, `method` and `architecture`, to pick
            one; fields such as `epochs` to replace; `init`, the
            `Pretrained` net to begin at; `settings`, a sequence
            of `key=value`; `eps`, the radius of all its attacks. What is
            missing or `None` keeps its default.
        run: Recipe of a run to resume, which is kept where none is picked.

    Raises:
        ValueError: For unknown names and unfit values.

    Example:
    >>> resolve({"dataset": "cifar10", "epochs": 3}).epochs
    3
    """
    given = {k: v for k, v in choice.items() if v is not None}
    settings, eps = given.pop("settings", ()), given.pop("eps", None)
    picked = {
        k: str(given.pop(k))
        for k in ("dataset", "method", "architecture")
        if k in given
    }
    name = given.pop("recipe", None)
    if name is not None and picked:
        raise ValueError(
            f"A recipe fixes its own {', '.join(picked)}: give either. "
            f"Received: recipe={name!r} and {picked}"
        )
    if name is not None:
        recipe = lookup(RECIPES, str(name), "recipe")
    else:
        recipe = choose(**picked) if picked or run is None else run
    if "init" in given:
        stem = recipe.name.removesuffix(f"-{recipe.architecture}")
        given |= {"width": None, "name": f"{stem}-pretrained"}
    recipe = replace(recipe, **given)
    for assignment in settings:
        recipe = override(recipe, assignment, SETTABLE)
    recipe.extra.check()
    return recipe if eps is None else with_radius(recipe, float(eps))
