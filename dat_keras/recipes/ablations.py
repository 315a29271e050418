"""Ablations of DAT, such as `+no-js` and `+no-aag`, as changed recipes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dat_keras.attacks import RandomStart
from dat_keras.objectives import DAT, TRADES, Objective
from dat_keras.recipes.base import Recipe


def ablated(change: Callable[[DAT], Objective], recipe: Recipe) -> Recipe:
    """Changes DAT.

    Raises:
        ValueError: If the recipe trains another method.
    """
    if not isinstance(recipe.objective, DAT):
        raise ValueError(
            "Ablations are of `dat` alone. "
            f"Received: a recipe of {type(recipe.objective).__name__}"
        )
    return replace(recipe, objective=change(recipe.objective))


def base_only(dat: DAT) -> TRADES:
    """DAT's base branch alone: TRADES with DAT's attack and weights.

    The host of the augmentations in DAT's table.
    """
    return TRADES(dat.ae_attack, dat.beta, dat.label_smoothing)


def one_step(dat: DAT) -> DAT:
    """DAT with the single step of FGSM-RS in place of its attack.

    From a uniform start, 1.25 times the radius long.
    """
    length = 1.25 * dat.attack.threat_model.eps
    attack = replace(dat.attack, steps=1, step_size=length, start=RandomStart())
    return replace(dat, attack=attack)


ABLATIONS: dict[str, Callable[[DAT], Objective]] = {
    "base-only": base_only,
    "no-js": lambda dat: replace(dat, omega=0.0),
    "no-mixup": lambda dat: replace(dat, mix=replace(dat.mix, mixup=False)),
    "no-split-bn": lambda dat: replace(dat, split_bn=False),
    "no-aag": lambda dat: replace(dat, learned_amplitude=False),
    "z-only": lambda dat: replace(dat, generator_input="noise"),
    "z-onehot": lambda dat: replace(dat, generator_input="labels"),
    "single-ae": lambda dat: replace(dat, single_ae=True),
}
"""The rows of DAT's tables of ablations, by what they leave out or put in."""
