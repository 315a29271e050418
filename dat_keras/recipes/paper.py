"""The settings of DAT's paper for CIFAR-10, CIFAR-100 and Tiny-ImageNet.

    dat-keras train --dataset cifar100 --method dat --architecture resnet18

Expected on a GPU (reported by the paper, ResNet-18, seven runs; natural /
PGD-20 / AutoAttack, %): DAT on CIFAR-10 84.17 / 57.55 / 51.36, on CIFAR-100
62.57 / 33.37 / 27.11, on Tiny-ImageNet 52.45 / 25.47 / 17.51. Time there:
about 220 s an epoch of CIFAR.

The paper does not say which schedule stands behind its baselines: all get
DAT's own here, so that they are comparable (`own.py` has their own). Label
smoothing 0.5 and the pads of the second crop (3, Tiny-ImageNet 2) come from
the published code.
"""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.augment import CropFlip
from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    MART,
    OAAT,
    OBJECTIVES,
    Objective,
)
from dat_keras.objectives.idbh import WEAK
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

ARCHITECTURES = ("resnet18", "wrn-34-10")
"""The networks of the paper's tables."""

METHODS: dict[str, Objective] = {
    name: objective() for name, objective in OBJECTIVES.items()
}
"""Every method with its defaults."""

LAS_CIFAR100 = LASAT(
    policy=Policy(
        steps_grid=tuple(range(3, 13)),
        policy_momentum=0.9,
        policy_weight_decay=5e-4,
    ),
    true_class=0.6,
)
LAS_TINY = LASAT(policy=Policy(reward=Reward(interval=1)), true_class=0.8)
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
DAT_TINY = DAT(attack_label_smoothing=0.0, augment=CropFlip(pad=2))

SPECIAL: dict[str, Objective] = {
    "mart-cifar10-wrn-34-10": MART(beta=6.0),
    "mart-cifar100-wrn-34-10": MART(beta=6.0),
    "las-at-cifar100-resnet18": LAS_CIFAR100,
    "las-at-cifar100-wrn-34-10": LAS_CIFAR100,
    "las-at-tiny_imagenet-resnet18": LAS_TINY,
    "las-at-tiny_imagenet-wrn-34-10": LAS_TINY,
    "oa-at-cifar10-wrn-34-10": OAAT_WRN,
    "oa-at-cifar100-resnet18": OAAT_CIFAR100,
    "oa-at-cifar100-wrn-34-10": OAAT_CIFAR100_WRN,
    "dajat-cifar10-wrn-34-10": DAJAT(beta=10.0, omega=3.0),
    "dajat-cifar100-resnet18": DAJAT_CIFAR100,
    "dajat-cifar100-wrn-34-10": DAJAT_CIFAR100,
    "idbh-cifar10-wrn-34-10": IDBH(augment=WEAK),
    "idbh-cifar100-wrn-34-10": IDBH(augment=WEAK),
    "dat-tiny_imagenet-resnet18": DAT_TINY,
    "dat-tiny_imagenet-wrn-34-10": DAT_TINY,
}
"""Settings that a method has for one data set or architecture."""


CLIP_NORMS = {("dat", "tiny_imagenet"): 0.5}


def _recipe(method: str, dataset: str, architecture: str) -> Recipe:
    name = f"{method}-{dataset}-{architecture}"
    schedule = SCHEDULES[dataset]
    return Recipe(
        name=name,
        dataset=dataset,
        architecture=architecture,
        objective=SPECIAL.get(name, METHODS[method]),
        optimizer=SGDConfig(0.1, schedule=StepDropConfig(schedule.drops)),
        epochs=schedule.epochs,
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
