"""What DAT's tables add to a method, and take from DAT, by name.

dat-keras train --method trades+awp
dat-keras compare --methods dat,dat+awp+swa,dat+no-js,dat+base-only+cutout
dat-keras train --dataset cifar10 --method pgd-at+aag
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from dat_keras.attacks import RandomStart
from dat_keras.augment import (
    Augment,
    AutoAugment,
    Chain,
    CutMix,
    CutOut,
    MixUp,
    RandAugment,
    Unchanged,
)
from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    PGDAT,
    TRADES,
    GradAlign,
    Objective,
    RecombinedAT,
)
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers.schedules import StepDropConfig
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.recipes.base import Recipe
from dat_keras.recipes.paper import (
    METHODS,
    SCHEDULES,
    SPECIAL,
    WITH_AWP,
    Schedule,
)
from dat_keras.utils.registry import lookup

WHOLE_RUN = WeightPerturbation(0.01)
"""AWP of the methods that train on adversarial images alone, as published."""

LATER = WeightPerturbation(0.005, start=9 / 200)
"""AWP of the others: from epoch 10 of 200 on."""

PERTURBATIONS: dict[type[Objective], WeightPerturbation] = {
    PGDAT: WHOLE_RUN,
    IDBH: WHOLE_RUN,
    LASAT: WHOLE_RUN,
}

CLASSES_OF = {
    "cifar10": 10,
    "cifar100": 100,
    "tiny_imagenet": 200,
    "shapes": 10,
}
"""Number of classes, for augmentations that mix labels."""


AVERAGES: dict[type[Objective], Averaging] = {
    IDBH: Averaging(decay=0.999, start=0.0, measured=True),
}
"""Published weight averages that differ from DAJAT's."""


def perturbed(recipe: Recipe) -> Recipe:
    """Adds AWP, with the settings published for the method or its kind.

    A run with one of the paper's schedules takes that of its runs with AWP.
    """
    settings = PERTURBATIONS.get(type(recipe.objective), LATER)
    recipe = replace(recipe, weight_perturbation=settings)
    drops = getattr(recipe.optimizer.schedule, "epochs", ())
    if Schedule(recipe.epochs, drops) not in SCHEDULES.values():
        return recipe
    longer = StepDropConfig(WITH_AWP.drops)
    return replace(
        recipe,
        epochs=WITH_AWP.epochs,
        optimizer=replace(recipe.optimizer, schedule=longer),
    )


def averaged(recipe: Recipe) -> Recipe:
    """Adds an average of the weights, as published for the method or DAJAT."""
    average = AVERAGES.get(type(recipe.objective), Averaging())
    return replace(recipe, averaging=average)


def aligned(recipe: Recipe) -> Recipe:
    """Adds GradAlign's term to a single-step method.

    Raises:
        ValueError: If the method does not train on such images alone.
    """
    host = recipe.objective
    if not isinstance(host, PGDAT) or host.single_step is None:
        raise ValueError(
            "`+grad-align` is for methods that train on the images of one "
            "step alone, such as `fgsm-rs` and `n-fgsm`. "
            f"Received: a recipe of {type(host).__name__}"
        )
    method = GradAlign(host.attack, host.label_smoothing)
    return replace(recipe, objective=method)


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
    if isinstance(recipe.objective, DAJAT | IDBH):
        raise ValueError(
            "`+no-augment` would leave nothing of a method that consists in "
            "an augmentation: use `trades` or `pgd-at`. Received: a recipe of "
            f"{type(recipe.objective).__name__}"
        )
    objective = recipe.objective
    if hasattr(objective, "augment"):
        objective = replace(  # type: ignore[call-arg]
            objective, augment=Unchanged()
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
    if not isinstance(recipe.objective, DAT | RecombinedAT):
        return None
    views = recipe.augment, recipe.objective.augment
    base, recombined = (isinstance(view, Unchanged) for view in views)
    if base == recombined:
        return None
    off, on = ("augment", "objective.augment")[:: 1 if base else -1]
    return (
        f"`{off}` is Unchanged and `{on}` is not: one kind of view alone is "
        "augmented. `+no-augment` after the method turns both off."
    )


def with_generator(recipe: Recipe) -> Recipe:
    """Adds DAT's recombined images, as augmented and updated in its recipe.

    Raises:
        ValueError: If the recipe trains neither PGD-AT nor TRADES.
    """
    if not isinstance(recipe.objective, PGDAT | TRADES):
        raise ValueError(
            "`+aag` is offered for `pgd-at` and `trades`. "
            f"Received: a recipe of {type(recipe.objective).__name__}"
        )
    dat = cast(DAT, SPECIAL.get(("dat", recipe.dataset), METHODS["dat"]))
    objective = RecombinedAT(
        recipe.objective, augment=dat.augment, update=dat.update
    )
    return replace(recipe, objective=objective)


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

ADDITIONS: dict[str, Callable[[Recipe], Recipe]] = {
    "awp": perturbed,
    "swa": averaged,
    "grad-align": aligned,
    "cutout": cut_out,
    "cutmix": partial(label_mixing, CutMix, "cutmix"),
    "mixup": partial(label_mixing, MixUp, "mixup"),
    "autoaugment": partial(before, AutoAugment()),
    "randaugment": partial(before, RandAugment()),
    "no-augment": unaugmented,
    "aag": with_generator,
    "single-step": partial(ablated, one_step),
    **{name: partial(ablated, change) for name, change in ABLATIONS.items()},
}
"""What can follow a method's name after a `+`."""


def extended(recipe: Recipe, additions: Sequence[str]) -> Recipe:
    """Returns a recipe changed by additions, one after the other, and renamed.

    Args:
        recipe: A recipe named `<method>-<dataset>-<architecture>`.
        additions: Keys of `ADDITIONS`.

    Raises:
        ValueError: If an addition is unknown or does not fit the method.
    """
    place = f"-{recipe.dataset}-{recipe.architecture}"
    method = recipe.name.removesuffix(place)
    for name in additions:
        recipe = lookup(ADDITIONS, name, "addition")(recipe)
    return replace(recipe, name="+".join((method, *additions)) + place)
