"""Names of methods, additions and recipes, checked without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from dat_keras.utils.registry import lookup, matching

METHODS = (
    *("natural", "fgsm-rs", "n-fgsm", "free-at", "grad-align", "pgd-at"),
    *("trades", "mart", "st", "scarl", "las-at", "las-trades", "oa-at"),
    *("ard", "rslad", "dajat", "idbh", "ibp", "dat"),
)
"""Keys of `dat_keras.objectives.OBJECTIVES`, which imports TensorFlow."""

ADDITIONS = (
    *("awp", "swa", "grad-align", "cutout", "cutmix", "mixup"),
    *("autoaugment", "randaugment", "gridmask", "augmix", "random-hue"),
    *("random-sharpness", "random-blur", "channel-shuffle", "no-augment"),
    *("aag", "max", "avg", "msd", "e-at", "single-step"),
    *("base-only", "no-js", "no-mixup", "no-split-bn", "no-aag", "z-only"),
    *("z-onehot", "single-ae"),
)
"""Keys of `dat_keras.recipes.ADDITIONS`, likewise."""

IMAGENET = ("natural", "pgd-at", "trades", "dat")
"""Methods that have a recipe for ImageNet."""

COMBINED = (
    *("dat+awp+swa", "trades+awp+swa", "idbh+awp+swa", "dat+awp"),
    *("trades+awp", "scarl+awp", "las-at+awp", "pgd-at+aag", "trades+aag"),
)
"""Methods with additions that have recipes by name."""

OWN = (
    *(m for m in METHODS if m not in ("natural", "ibp", "dat")),
    *("las-awp", "dat+awp", "pgd-at+awp", "trades+awp"),
)
"""Methods with a recipe of the settings that their authors published."""

DATASETS = ("cifar10", "cifar100", "tiny_imagenet")
NETS = ("resnet18", "wrn-34-10", "wrn-28-10")


def recipe_names() -> list[str]:
    """Returns the keys of `dat_keras.recipes.RECIPES`, likewise.

    Example:
    >>> recipe_names()[0]
    'natural-cifar10-resnet18'
    """
    large = product((*METHODS, *COMBINED), DATASETS, NETS)
    small = product(METHODS, ("shapes", "cifar10"), ("resnet8",))
    own = product((f"{name}-own" for name in OWN), DATASETS, NETS[:2])
    imagenet = product(IMAGENET, ("imagenet2012",), ("resnet50",))
    return ["-".join(parts) for parts in (*large, *small, *own, *imagenet)]


def check_method(name: str | None, kinds: Iterable[str] = METHODS) -> None:
    """Refuses an unknown method or addition, with the nearest names.

    Args:
        name: Value of `--method`: a method, each addition behind a `+`.
        kinds: What the name may begin with, to be listed in the message.
    """
    if name is None:
        return
    method, *added = name.split("+")
    kind = "method" if kinds is METHODS else "method or recipe"
    lookup(dict.fromkeys(kinds), method, kind)
    for each in added:
        lookup(dict.fromkeys(ADDITIONS), each, "addition")


def check_recipe(name: str | None) -> None:
    """Refuses an unknown recipe, with the nearest names.

    Args:
        name: Value of `--recipe`.
    """
    if name is not None:
        lookup(dict.fromkeys(recipe_names()), name, "recipe")


def check_row(name: str) -> None:
    """Refuses a row of `compare` that is no method and no recipe.

    Args:
        name: A method with its additions, or a recipe.
    """
    names = recipe_names()
    if name not in names:
        check_method(name, (*METHODS, *names))


def check_pattern(pattern: str) -> None:
    """Refuses a pattern that no recipe's name fits, with the nearest names.

    Args:
        pattern: Part of a name, or with `*` or `?` a whole one.
    """
    if not matching(recipe_names(), pattern):
        check_recipe(pattern)
