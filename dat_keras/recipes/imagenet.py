"""ImageNet (ILSVRC 2012) on ResNet-50 within eps 4/255, from scratch.

    dat-keras train --recipe pgd-at-imagenet2012-resnet50 --data-dir D

Schedule and attack of PGD-AT are those of Salman et al. 2020
(https://arxiv.org/abs/2007.08489): 90 epochs in batches of 512, the rate 0.1
divided by ten every 30 epochs, weight decay 1e-4, three steps of 2/3 eps.
TRADES and DAT were not published for ImageNet: they have the same schedule,
radius and steps here, and are not tuned. None of these was run to its end.

The images are 224x224 centres (`imagenet2012` in data/); random crops are
taken of these, not of the whole images.
"""

from __future__ import annotations

from dataclasses import replace

from dat_keras.attacks import PGD, KLFromClean, NormalStart, pgd
from dat_keras.augment import RandomResizedCrop
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, PGDAT, TRADES, Natural, Objective
from dat_keras.optimizers import SGDConfig
from dat_keras.optimizers.schedules import StepDropConfig
from dat_keras.recipes.base import Recipe

EPS = 4 / 255
ATTACK = PGD(Linf(EPS), steps=3, step_size=2 * EPS / 3)
CROP = RandomResizedCrop()

METHODS: dict[str, Objective] = {
    "natural": Natural(),
    "pgd-at": PGDAT(ATTACK),
    "trades": TRADES(replace(ATTACK, loss=KLFromClean(), start=NormalStart())),
    "dat": DAT(
        replace(ATTACK, start=NormalStart()),
        augment=CROP,
        update="sequential",
        generator_resolution=32,
    ),
}
"""Methods that have a recipe for ImageNet."""

IMAGENET: dict[str, Recipe] = {
    f"{method}-imagenet2012-resnet50": Recipe(
        name=f"{method}-imagenet2012-resnet50",
        dataset="imagenet2012",
        architecture="resnet50",
        objective=objective,
        optimizer=SGDConfig(
            0.1, weight_decay=1e-4, schedule=StepDropConfig((30, 60))
        ),
        epochs=90,
        batch_size=512,
        validation_images=1000,
        augment=CROP,
        eval_attack=pgd(Linf(EPS), steps=10),
    )
    for method, objective in METHODS.items()
}
"""Recipes for ImageNet by name."""
