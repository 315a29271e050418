"""Each method with the settings that its own authors published.

    dat-keras train --recipe mart-own-cifar10-resnet18

DAT's tables do not say which recipe stands behind its baselines. `paper.py`
gives all of them one schedule; here each has its own (published.py). Where
nothing was published for a data set and a network, `nearest` takes what comes
nearest; docs/methods.md says which those are.
"""

from __future__ import annotations

from dat_keras.recipes.base import Recipe
from dat_keras.recipes.paper import PAPER
from dat_keras.recipes.published import (
    ELSEWHERE,
    OWN_SETTINGS,
    Settings,
    changed,
)

_DATASETS = ("cifar10", "cifar100", "tiny_imagenet")
_ARCHITECTURES = ("resnet18", "wrn-34-10")

SETTINGS = (
    {
        (method, "cifar10", "resnet18"): settings
        for method, settings in OWN_SETTINGS.items()
    }
    | {
        ("dat+awp", dataset, architecture): changed(
            "dat+awp",
            objective=PAPER[f"dat-{dataset}-{architecture}"].objective,
            clip_norm=PAPER[f"dat-{dataset}-{architecture}"].clip_norm,
        )
        for dataset in _DATASETS
        for architecture in _ARCHITECTURES
    }
    | ELSEWHERE
)
"""All of them by method, data set and architecture."""


def nearest(method: str, dataset: str, architecture: str) -> Settings:
    """The settings of a method where its authors published none.

    Those of the other network on the same data set, else those of the same
    network on CIFAR-10, else those of ResNet-18 there.

    Args:
        method: A method of `OWN_SETTINGS`.
        dataset: `"cifar10"`, `"cifar100"` or `"tiny_imagenet"`.
        architecture: `"resnet18"` or `"wrn-34-10"`.

    Example:
    >>> nearest("mart", "cifar100", "wrn-34-10").objective.beta
    6.0
    """
    near = [
        (dataset, architecture),
        *((dataset, other) for other in _ARCHITECTURES),
        ("cifar10", architecture),
        ("cifar10", "resnet18"),
    ]
    return next(
        SETTINGS[method, *place]
        for place in near
        if (method, *place) in SETTINGS
    )


OWN: dict[str, Recipe] = {
    f"{method}-own-{dataset}-{architecture}": Recipe(
        name=f"{method}-own-{dataset}-{architecture}",
        dataset=dataset,
        architecture=architecture,
        **vars(nearest(method, dataset, architecture)),
    )
    for method in OWN_SETTINGS
    for dataset in _DATASETS
    for architecture in _ARCHITECTURES
}
"""Recipes with the methods' own settings by name."""
