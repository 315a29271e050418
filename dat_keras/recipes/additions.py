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

from dat_keras.augment import AutoAugment, CutMix, MixUp, RandAugment
from dat_keras.objectives import (
    DAT,
    IDBH,
    LASAT,
    PGDAT,
    TRADES,
    UNIONS,
    GradAlign,
    Objective,
    RecombinedAT,
    UnionObjective,
    method_of,
)
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers.schedules import StepDropConfig
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.recipes.ablations import ABLATIONS, ablated, one_step
from dat_keras.recipes.added_augmentation import (
    KERAS_CV,
    after,
    before,
    cut_out,
    label_mixing,
    unaugmented,
)
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

AVERAGES: dict[type[Objective], Averaging] = {
    IDBH: Averaging(decay=0.999, start=0.0, measured=True),
}
"""Published weight averages that differ from DAJAT's."""


def perturbed(recipe: Recipe) -> Recipe:
    """Adds AWP, with the settings published for the method or its kind.

    A run with one of the paper's schedules takes that of its runs with AWP.
    """
    settings = PERTURBATIONS.get(type(method_of(recipe.objective)), LATER)
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
    average = AVERAGES.get(type(method_of(recipe.objective)), Averaging())
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


def united(union: type[UnionObjective], recipe: Recipe) -> Recipe:
    """Trains the method on a union of threat models.

    Raises:
        ValueError: If the method cannot be the base of one.
    """
    return replace(recipe, objective=union(recipe.objective))


ADDITIONS: dict[str, Callable[[Recipe], Recipe]] = {
    "awp": perturbed,
    "swa": averaged,
    "grad-align": aligned,
    "cutout": cut_out,
    "cutmix": partial(label_mixing, CutMix, "cutmix"),
    "mixup": partial(label_mixing, MixUp, "mixup"),
    "autoaugment": partial(before, AutoAugment()),
    "randaugment": partial(before, RandAugment()),
    **{name: partial(after, layer) for name, layer in KERAS_CV.items()},
    "no-augment": unaugmented,
    "aag": with_generator,
    **{name: partial(united, union) for name, union in UNIONS.items()},
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
