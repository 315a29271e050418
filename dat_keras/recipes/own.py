"""Each baseline with the settings that its own authors published.

    dat-keras train --recipe mart-own-cifar10-resnet18

DAT's tables do not say which recipe stands behind its baselines. `paper.py`
gives all of them one schedule; here each has its own: epochs, rate, decay,
and what comes with it (AWP, averaging). Where the published code numbers its
epochs from 1, a drop at epoch e comes after e - 1 epochs. ResNet-18 stands
also where the authors used its pre-activation form.
`baseline-*` are the rows of DAT's table of augmentations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dat_keras.attacks import (
    PGD,
    CrossEntropyPlusKL,
    KLFromClean,
    NormalStart,
)
from dat_keras.augment import (
    Augment,
    AutoAugment,
    Chain,
    CropFlip,
    CutMix,
    CutOut,
)
from dat_keras.averaging import Averaging
from dat_keras.objectives import (
    DAJAT,
    IDBH,
    LASAT,
    LASTRADES,
    MART,
    OAAT,
    PGDAT,
    SCARL,
    ST,
    TRADES,
    Objective,
)
from dat_keras.objectives.idbh import WEAK
from dat_keras.objectives.strategy import Policy, Reward
from dat_keras.optimizers import SGDConfig
from dat_keras.recipes.base import Recipe
from dat_keras.recipes.paper import (
    DAJAT_CIFAR100,
    LAS_CIFAR100,
    LAS_TINY,
    OAAT_WRN,
    PAPER,
)
from dat_keras.schedules import CosineDecay, Drops
from dat_keras.threat_models import Linf
from dat_keras.weight_perturbation import WeightPerturbation


@dataclass(frozen=True)
class Settings:
    """What the authors of a method chose for a data set and a network."""

    objective: Objective
    optimizer: SGDConfig
    epochs: int
    augment: Augment = CropFlip()
    weight_perturbation: WeightPerturbation = WeightPerturbation()
    averaging: Averaging | None = None
    clip_norm: float | None = None


def _drops(rate: float, weight_decay: float, *epochs: int) -> SGDConfig:
    return SGDConfig(rate, weight_decay=weight_decay, schedule=Drops(epochs))


# The radius and step of the early codes, close to 8/255 and 2/255.
_OLD = PGD(Linf(0.031), step_size=0.007, start=NormalStart())

OWN_SETTINGS: dict[str, Settings] = {
    "pgd-at": Settings(
        PGDAT(), _drops(0.1, 5e-4, 100, 150), 200, CropFlip(mode="REFLECT")
    ),
    "trades": Settings(
        TRADES(replace(_OLD, loss=KLFromClean())),
        _drops(0.1, 2e-4, 74),
        76,
    ),
    "mart": Settings(MART(_OLD), _drops(0.01, 3.5e-3, 74, 89, 99), 120),
    "st": Settings(ST(), _drops(0.1, 5e-4, 79, 99), 120),
    # Published with a crop that repeats the edge; zeros here.
    "scarl": Settings(SCARL(), _drops(0.1, 5e-4, 100, 150), 200),
    "las-at": Settings(LASAT(), _drops(0.1, 5e-4, 99, 104), 110),
    "las-awp": Settings(
        LASAT(
            policy=Policy(
                eps_grid=tuple(range(7, 16)),
                steps_grid=tuple(range(8, 17)),
                step_size_grid=tuple(range(2, 6)),
                reward=Reward(robust=1.0, natural=1.0, interval=1),
            ),
            true_class=1.0,
        ),
        _drops(0.1, 5e-4, 100, 150),
        200,
        weight_perturbation=WeightPerturbation(0.01),
    ),
    "las-trades": Settings(LASTRADES(), _drops(0.1, 5e-4, 75, 90), 100),
    # Published: three averages, one of them this; AWP from epoch 10 on.
    "oa-at": Settings(
        OAAT(),
        SGDConfig(0.2, weight_decay=5e-4, schedule=CosineDecay()),
        110,
        weight_perturbation=WeightPerturbation(0.005, start=9 / 110),
        averaging=Averaging(),
    ),
    "dajat": Settings(
        DAJAT(augmentations=2),
        SGDConfig(0.2, schedule=CosineDecay()),
        200,
        weight_perturbation=WeightPerturbation(0.005, start=9 / 200),
        averaging=Averaging(),
    ),
    "idbh": Settings(
        IDBH(),
        _drops(0.1, 5e-4, 100, 150),
        200,
        averaging=Averaging(decay=0.999, start=0.0, measured=True),
    ),
}
"""Published settings by method, for CIFAR-10 on ResNet-18."""


def _changed(method: str, **changes: Any) -> Settings:
    return replace(OWN_SETTINGS[method], **changes)


ELSEWHERE: dict[tuple[str, str, str], Settings] = {
    ("pgd-at", "cifar10", "wrn-34-10"): OWN_SETTINGS["pgd-at"],
    ("pgd-at", "cifar100", "resnet18"): _changed("pgd-at", augment=CropFlip()),
    ("trades", "cifar10", "wrn-34-10"): OWN_SETTINGS["trades"],
    ("mart", "cifar10", "wrn-34-10"): Settings(
        MART(_OLD, beta=6.0), _drops(0.1, 7e-4, 74, 89), 90
    ),
    ("st", "cifar100", "resnet18"): OWN_SETTINGS["st"],
    ("scarl", "cifar100", "resnet18"): OWN_SETTINGS["scarl"],
    ("las-at", "cifar10", "wrn-34-10"): OWN_SETTINGS["las-at"],
    ("las-at", "cifar100", "wrn-34-10"): _changed(
        "las-at", objective=LAS_CIFAR100
    ),
    ("las-at", "tiny_imagenet", "resnet18"): _changed(
        "las-at", objective=LAS_TINY, clip_norm=10.0
    ),
    ("las-trades", "cifar10", "wrn-34-10"): OWN_SETTINGS["las-trades"],
    ("oa-at", "cifar10", "wrn-34-10"): _changed(
        "oa-at",
        objective=replace(OAAT_WRN, stages=200),
        optimizer=SGDConfig(0.2, weight_decay=3e-4, schedule=CosineDecay()),
        epochs=200,
        augment=Chain((CropFlip(), AutoAugment())),
        weight_perturbation=WeightPerturbation(0.005, start=9 / 200),
    ),
    ("dajat", "cifar10", "wrn-34-10"): _changed(
        "dajat", objective=DAJAT(beta=10.0, omega=3.0, augmentations=2)
    ),
    ("dajat", "cifar100", "resnet18"): _changed(
        "dajat", objective=replace(DAJAT_CIFAR100, augmentations=2)
    ),
    ("dajat", "cifar100", "wrn-34-10"): _changed(
        "dajat", objective=replace(DAJAT_CIFAR100, augmentations=2)
    ),
    ("idbh", "cifar10", "wrn-34-10"): _changed(
        "idbh", objective=IDBH(augment=WEAK)
    ),
}
"""Published settings for other data sets and networks.

Those of OA-AT for CIFAR-100 are left out: half of each of its batches is
augmented further, and its rate warms up.
"""

SETTINGS = {
    (method, "cifar10", "resnet18"): settings
    for method, settings in OWN_SETTINGS.items()
} | ELSEWHERE
"""All of them by method, data set and architecture."""

BASELINE = TRADES(
    PGD(
        Linf(8 / 255),
        CrossEntropyPlusKL(15.0, 0.5),
        steps=5,
        start=NormalStart(),
    ),
    beta=15.0,
    label_smoothing=0.5,
)
"""DAT's base branch alone: TRADES with DAT's attack and weights."""


def augmentations(num_classes: int, hole: int) -> dict[str, Augment]:
    """The rows of DAT's table of augmentations, by name."""
    return {
        "none": CropFlip(),
        "cutout": Chain((CropFlip(), CutOut(hole))),
        "cutmix": Chain((CropFlip(), CutMix(num_classes))),
        "autoaugment": Chain((AutoAugment(), CropFlip())),
    }


OWN: dict[str, Recipe] = {
    f"{method}-own-{dataset}-{architecture}": Recipe(
        name=f"{method}-own-{dataset}-{architecture}",
        dataset=dataset,
        architecture=architecture,
        **vars(settings),
    )
    for (method, dataset, architecture), settings in SETTINGS.items()
} | {
    f"baseline-{name}-{dataset}-resnet18": replace(
        PAPER[f"dat-{dataset}-resnet18"],
        name=f"baseline-{name}-{dataset}-resnet18",
        objective=BASELINE,
        augment=augment,
    )
    for dataset, num_classes, hole in (
        ("cifar10", 10, 16),
        ("cifar100", 100, 8),
    )
    for name, augment in augmentations(num_classes, hole).items()
}
"""Published recipes of the baselines by name."""
