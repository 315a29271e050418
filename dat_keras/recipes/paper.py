"""The settings of DAT's paper for CIFAR-10, CIFAR-100 and Tiny-ImageNet.

    dat-keras train --dataset cifar100 --method dat --architecture resnet18

Expected on a GPU (reported by the paper, ResNet-18, seven runs; natural /
PGD-20 / AutoAttack, %): DAT on CIFAR-10 84.17 / 57.55 / 51.36, on CIFAR-100
62.57 / 33.37 / 27.11, on Tiny-ImageNet 52.45 / 25.47 / 17.51. Time there:
about 220 s an epoch of CIFAR.

The paper does not say which schedule stands behind its baselines: all get
DAT's own here, so that they are comparable. Label smoothing 0.5 and the pads
of the second crop (3, Tiny-ImageNet 2) come from the published code.
"""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.augment import CropFlip
from dat_keras.objectives import DAT, PGDAT, TRADES, Natural, Objective
from dat_keras.optimizers import SGDConfig
from dat_keras.recipes.base import Recipe
from dat_keras.schedules import Drops


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

METHODS: dict[str, Objective] = {
    "natural": Natural(),
    "pgd-at": PGDAT(),
    "trades": TRADES(),
    "dat": DAT(),
}

TINY_DAT = DAT(attack_label_smoothing=0.0, augment=CropFlip(pad=2))

PAPER: dict[str, Recipe] = {
    f"{method}-{dataset}-{architecture}": Recipe(
        name=f"{method}-{dataset}-{architecture}",
        dataset=dataset,
        architecture=architecture,
        objective=objective,
        optimizer=SGDConfig(0.1, schedule=Drops(schedule.drops)),
        epochs=schedule.epochs,
    )
    for dataset, schedule in SCHEDULES.items()
    for architecture in ("resnet18", "wrn-34-10")
    for method, objective in METHODS.items()
} | {
    f"dat-tiny_imagenet-{architecture}": Recipe(
        name=f"dat-tiny_imagenet-{architecture}",
        dataset="tiny_imagenet",
        architecture=architecture,
        objective=TINY_DAT,
        optimizer=SGDConfig(0.1, schedule=Drops((75, 80))),
        epochs=100,
        clip_norm=0.5,
    )
    for architecture in ("resnet18", "wrn-34-10")
}
"""Recipes of the paper by name."""
