"""The settings of DAT's paper for CIFAR-10, CIFAR-100 and Tiny-ImageNet.

    dat-keras train --dataset cifar100 --method dat --architecture resnet18

Expected on a GPU (reported by the paper, ResNet-18, seven runs; natural /
PGD-20 / AutoAttack, %): DAT on CIFAR-10 84.17 / 57.55 / 51.36, on CIFAR-100
62.57 / 33.37 / 27.11, on Tiny-ImageNet 52.45 / 25.47 / 17.51. Time there:
about 220 s an epoch of CIFAR.

The paper does not say with which schedule its baselines were trained: all get
DAT's own here, so that they are comparable (`own.py` has their own). Label
smoothing 0.5, the generator's step after the classifier's
(`update="sequential"`), the pads of the crops (base view 4, Tiny-ImageNet 2;
recombined view 3, Tiny-ImageNet 2) and the clipped gradient norm of
Tiny-ImageNet come from the published code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dat_keras.attacks import PGD, NormalStart
from dat_keras.augment import Augment, CropFlip
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    LASTRADES,
    MART,
    OAAT,
    OBJECTIVES,
    Objective,
)
from dat_keras.objectives.idbh import WEAK
from dat_keras.objectives.las_at.las_trades import (
    PUBLISHED as LAS_TRADES_POLICY,
)
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import Reward
from dat_keras.optimizers import SGDConfig
from dat_keras.optimizers.schedules import StepDropConfig
from dat_keras.recipes.base import Recipe


@dataclass(frozen=True)
class Schedule:
    """Length of a run and the epochs after which the rate drops tenfold."""

    epochs: int
    drops: tuple[int, ...]


SCHEDULES = {
    "cifar10": Schedule(150, (100, 110)),
    "cifar100": Schedule(150, (100, 110)),
    "tiny_imagenet": Schedule(100, (75, 80)),
}

WITH_AWP = Schedule(200, (100, 150))
"""Of runs with AWP, with and without SWA. The paper states the drops; the 200
epochs are those of the published codes of AWP and DAJAT."""

ARCHITECTURES = ("resnet18", "wrn-34-10", "wrn-28-10")
"""The networks of the paper's tables."""

METHODS: dict[str, Objective] = {
    **{name: objective() for name, objective in OBJECTIVES.items()},
    "dat": DAT(update="sequential"),
}
"""Every method with its defaults; DAT's updates in the published order."""

LAS_CIFAR100 = LASAT(
    policy=Policy(
        steps_grid=tuple(range(3, 13)),
        policy_momentum=0.9,
        policy_weight_decay=5e-4,
    ),
    true_class=0.6,
)
LAS_TINY = LASAT(policy=Policy(reward=Reward(interval=1)), true_class=0.8)
LAS_TRADES_CIFAR100 = LASTRADES(
    policy=replace(
        LAS_TRADES_POLICY,
        eps_grid=tuple(range(5, 11)),
        reward=replace(LAS_TRADES_POLICY.reward, natural=2.0),
    )
)
LAS_TRADES_TINY = LASTRADES(
    policy=replace(
        LAS_TRADES_CIFAR100.policy,
        policy_momentum=0.0,
        policy_weight_decay=0.0,
    )
)
OAAT_WRN = OAAT(beta=2.0, mix=0.45, mix_eps=16 / 255)
# Published for the pre-activation form.
OAAT_CIFAR100 = OAAT(
    beta=2.0, mix=0.25, perceptual=3.0, label_smoothing=10 / 99
)
OAAT_CIFAR100_WRN = OAAT(
    beta=2.0, final_beta=4.0, perceptual=2.0, label_smoothing=10 / 99
)
# The published smoothing spares the true class: 0.1 over 99 others.
DAJAT_CIFAR100 = DAJAT(beta=9.0, label_smoothing=10 / 99)
# Published without clipping the start of the attacks to the box.
DAT_TINY = DAT(
    PGD(Linf(8 / 255), steps=5, start=NormalStart()),
    attack_label_smoothing=0.0,
    augment=CropFlip(pad=2),
    update="sequential",
)

SPECIAL: dict[tuple[str, str], Objective] = {
    ("las-at", "cifar100"): LAS_CIFAR100,
    ("las-at", "tiny_imagenet"): LAS_TINY,
    ("las-trades", "cifar100"): LAS_TRADES_CIFAR100,
    ("las-trades", "tiny_imagenet"): LAS_TRADES_TINY,
    ("oa-at", "cifar100"): OAAT_CIFAR100,
    ("dajat", "cifar100"): DAJAT_CIFAR100,
    ("dat", "tiny_imagenet"): DAT_TINY,
}
"""Settings that a method has for one data set."""

WIDE: dict[tuple[str, str], Objective] = {
    ("mart", "cifar10"): MART(beta=6.0),
    ("mart", "cifar100"): MART(beta=6.0),
    ("oa-at", "cifar10"): OAAT_WRN,
    ("oa-at", "cifar100"): OAAT_CIFAR100_WRN,
    ("dajat", "cifar10"): DAJAT(beta=10.0, omega=3.0),
    ("idbh", "cifar10"): IDBH(augment=WEAK),
    ("idbh", "cifar100"): IDBH(augment=WEAK),
}
"""Settings that a method has for one data set on WideResNets."""

AUGMENTS: dict[str, Augment] = {"tiny_imagenet": CropFlip(pad=2)}
CLIP_NORMS = {("dat", "tiny_imagenet"): 0.5}


def _objective(method: str, dataset: str, architecture: str) -> Objective:
    tables = [WIDE] if architecture.startswith("wrn-") else []
    for table in (*tables, SPECIAL):
        if (method, dataset) in table:
            return table[method, dataset]
    return METHODS[method]


def _recipe(method: str, dataset: str, architecture: str) -> Recipe:
    schedule = SCHEDULES[dataset]
    return Recipe(
        name=f"{method}-{dataset}-{architecture}",
        dataset=dataset,
        architecture=architecture,
        objective=_objective(method, dataset, architecture),
        optimizer=SGDConfig(0.1, schedule=StepDropConfig(schedule.drops)),
        epochs=schedule.epochs,
        augment=AUGMENTS.get(dataset, CropFlip()),
        clip_norm=CLIP_NORMS.get((method, dataset)),
    )


_RECIPES = [
    _recipe(method, dataset, architecture)
    for dataset in SCHEDULES
    for architecture in ARCHITECTURES
    for method in METHODS
]

PAPER: dict[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}
"""Recipes of the paper by name."""
