"""Recipes for a laptop CPU: ResNet-8 on `shapes` and on CIFAR-10.

    dat-keras train
    dat-keras train --dataset cifar10 --architecture resnet8

The published DAT settings (beta 15, label smoothing 0.5) learn slowly on a
short schedule and a small net: little gradient is left for the label. So
these recipes weigh the divergence as TRADES does (beta 6) and smooth nothing.
The learning rate is one cycle, which suits a few hundred steps.
"""

from __future__ import annotations

from dataclasses import replace

from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    LASTRADES,
    FreeAT,
    Objective,
)
from dat_keras.objectives.idbh import WEAK
from dat_keras.objectives.las_at.las_trades import PUBLISHED
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.optimizers import SGDConfig
from dat_keras.optimizers.schedules import OneCycleConfig
from dat_keras.recipes.base import Recipe
from dat_keras.recipes.paper import METHODS as PAPER_METHODS

METHODS: dict[str, Objective] = PAPER_METHODS | {
    # With 8 replays a few hundred steps see too few images. Chosen on
    # validation images: see docs/methods.md.
    "free-at": FreeAT(replays=2),
    "las-at": LASAT(policy=Policy("resnet8")),
    "las-trades": LASTRADES(policy=replace(PUBLISHED, architecture="resnet8")),
    "dajat": DAJAT(beta=6.0),
    "idbh": IDBH(augment=WEAK),
    "dat": DAT(beta=6.0, label_smoothing=0.0),
}

ONE_CYCLE = SGDConfig(0.1, schedule=OneCycleConfig())

SHAPES: dict[str, Recipe] = {
    f"{method}-shapes-resnet8": Recipe(
        name=f"{method}-shapes-resnet8",
        dataset="shapes",
        architecture="resnet8",
        objective=objective,
        optimizer=ONE_CYCLE,
        epochs=2,
        batch_size=32,
        limit=5000,
        width=8,
    )
    for method, objective in METHODS.items()
}

CIFAR10: dict[str, Recipe] = {
    f"{method}-cifar10-resnet8": Recipe(
        name=f"{method}-cifar10-resnet8",
        dataset="cifar10",
        architecture="resnet8",
        objective=objective,
        optimizer=ONE_CYCLE,
        epochs=3,
        batch_size=64,
        limit=25600,
    )
    for method, objective in METHODS.items()
}

SMALL: dict[str, Recipe] = SHAPES | CIFAR10
"""Recipes for a CPU by name."""
