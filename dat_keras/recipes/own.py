"""Each method with the settings that its own authors published.

    dat-keras train --recipe mart-own-cifar10-resnet18

DAT's tables do not say with which recipe the baselines were trained. `paper.py`
gives all of them one schedule; here each has its own (published.py). Where
nothing was published for a data set and a network, `nearest` takes what comes
nearest; docs/methods.md says which those are.
"""

from __future__ import annotations

from dat_keras.recipes.base import Recipe
from dat_keras.recipes.paper import PAPER, SCHEDULES
from dat_keras.recipes.published import OWN_SETTINGS, changed
from dat_keras.recipes.published_elsewhere import ELSEWHERE

ARCHITECTURES = ("resnet18", "wrn-34-10")
"""The networks that the methods' authors used."""

SETTINGS = (
    {
        (method, "cifar10", "resnet18"): settings
        for method, settings in OWN_SETTINGS.items()
    }
    | {
        ("dat+awp", dataset, architecture): changed(
            "dat+awp",
            objective=PAPER[f"dat-{dataset}-{architecture}"].objective,
            augment=PAPER[f"dat-{dataset}-{architecture}"].augment,
            clip_norm=PAPER[f"dat-{dataset}-{architecture}"].clip_norm,
        )
        for dataset in SCHEDULES
        for architecture in ARCHITECTURES
    }
    | ELSEWHERE
)
"""All of them by method, data set and architecture."""


def nearest(method: str, dataset: str, architecture: str) -> tuple[str, str]:
    """Where the settings of a method for a data set and a network come from.

    From there if its authors published some; else from the other network on
    the same data set, else from the same network on CIFAR-10, else from
    ResNet-18 there.

    Args:
        method: A method of `OWN_SETTINGS`.
        dataset: Key of `SCHEDULES`.
        architecture: `"resnet18"` or `"wrn-34-10"`.

    Returns:
        Data set and architecture.

    Example:
    >>> nearest("mart", "cifar100", "wrn-34-10")
    ('cifar10', 'wrn-34-10')
    """
    near = [
        (dataset, architecture),
        *((dataset, other) for other in ARCHITECTURES),
        ("cifar10", architecture),
        ("cifar10", "resnet18"),
    ]
    return next(place for place in near if (method, *place) in SETTINGS)


OWN: dict[str, Recipe] = {
    f"{method}-own-{dataset}-{architecture}": Recipe(
        name=f"{method}-own-{dataset}-{architecture}",
        dataset=dataset,
        architecture=architecture,
        **vars(SETTINGS[method, *nearest(method, dataset, architecture)]),
    )
    for method in OWN_SETTINGS
    for dataset in SCHEDULES
    for architecture in ARCHITECTURES
}
"""Recipes with the methods' own settings by name."""
