"""What the authors of each method published: epochs, rate, decay, additions.

Here for CIFAR-10 on ResNet-18; published_elsewhere.py has the other data sets
and networks. Where the published code numbers its epochs from 1, a drop at
epoch e comes after e - 1 epochs. ResNet-18 is also in place of its
pre-activation form. Two things published are left out: AT-AWP on CIFAR-100
also turns images by up to 15 degrees, and LAS-AWP also drops the strategy's
rate when the classifier's drops and clips its perturbations back to 8/255.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.augment import (
    Augment,
    CropFlip,
)
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import (
    ARD,
    DAJAT,
    DAT,
    FGSMRS,
    IDBH,
    LASAT,
    LASTRADES,
    MART,
    NFGSM,
    OAAT,
    PGDAT,
    RSLAD,
    SCARL,
    ST,
    TRADES,
    FreeAT,
    GradAlign,
    Objective,
)
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import Reward
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGDConfig
from dat_keras.optimizers.schedules import (
    CosineConfig,
    OneCycleConfig,
    StepDropConfig,
)
from dat_keras.optimizers.weight_averaging import Averaging


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


def drops(rate: float, weight_decay: float, *epochs: float) -> SGDConfig:
    """Returns SGD whose rate drops tenfold after each of these epochs."""
    return SGDConfig(
        rate, weight_decay=weight_decay, schedule=StepDropConfig(epochs)
    )


def oa_at(
    objective: OAAT,
    epochs: int,
    weight_decay: float,
    augment: Augment = CropFlip(),  # noqa: B008
    warmup: int = 0,
) -> Settings:
    """Returns OA-AT's settings: three stages, cosine, AWP, average."""
    # Published: three averages, one of them this; AWP from epoch 10 on; a new
    # optimizer for the last quarter.
    return Settings(
        replace(objective, stages=epochs),
        SGDConfig(
            0.2,
            weight_decay=weight_decay,
            schedule=CosineConfig(warmup, after_warmup=True),
            restarts=(3 * epochs // 4,),
        ),
        epochs,
        augment,
        weight_perturbation=WeightPerturbation(0.005, start=9 / epochs),
        averaging=Averaging(),
    )


# The radius and step of the early codes, close to 8/255 and 2/255.
OLD_PGD = PGD(Linf(0.031), step_size=0.007, start=NormalStart())


def _cyclic(objective: Objective, epochs: int, rate: float = 0.2) -> Settings:
    # Published with straight lines up and down; half cosines here.
    return Settings(
        objective, SGDConfig(rate, schedule=OneCycleConfig(0.4)), epochs
    )


OWN_SETTINGS: dict[str, Settings] = {
    "fgsm-rs": _cyclic(FGSMRS(), 15),
    "n-fgsm": _cyclic(NFGSM(), 30),
    # Published as 80 000 steps, drops after 40 000 and 60 000.
    "free-at": Settings(FreeAT(), drops(0.1, 2e-4, 102, 153), 205),
    "grad-align": _cyclic(GradAlign(), 30, rate=0.3),
    "pgd-at": Settings(
        PGDAT(), drops(0.1, 5e-4, 100, 150), 200, CropFlip(mode="REFLECT")
    ),
    "trades": Settings(
        TRADES(replace(OLD_PGD, loss=KLFromClean())),
        drops(0.1, 2e-4, 74),
        76,
    ),
    "mart": Settings(MART(OLD_PGD), drops(0.01, 3.5e-3, 74, 89, 99), 120),
    "st": Settings(ST(), drops(0.1, 5e-4, 79, 99), 120),
    "ard": Settings(ARD(), drops(0.1, 2e-4, 100, 150), 200),
    "rslad": Settings(RSLAD(), drops(0.1, 2e-4, 215, 260, 285), 300),
    # Published with a crop that repeats the edge; zeros here.
    "scarl": Settings(SCARL(), drops(0.1, 5e-4, 100, 150), 200),
    "las-at": Settings(LASAT(), drops(0.1, 5e-4, 99, 104), 110),
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
        drops(0.1, 5e-4, 100, 150),
        200,
        weight_perturbation=WeightPerturbation(0.01),
    ),
    "las-trades": Settings(LASTRADES(), drops(0.1, 5e-4, 75, 90), 100),
    "oa-at": oa_at(OAAT(), 110, 5e-4),
    "dajat": Settings(
        DAJAT(augmentations=2),
        SGDConfig(0.2, schedule=CosineConfig()),
        200,
        weight_perturbation=WeightPerturbation(0.005, start=9 / 200),
        averaging=Averaging(),
    ),
    "idbh": Settings(
        IDBH(),
        drops(0.1, 5e-4, 100, 150),
        200,
        averaging=Averaging(decay=0.999, start=0.0, measured=True),
    ),
    # The paper does not say how long it trains with AWP, nor from when on.
    "dat+awp": Settings(
        DAT(),
        drops(0.1, 5e-4, 100, 150),
        200,
        weight_perturbation=WeightPerturbation(0.005, start=9 / 200),
    ),
    "pgd-at+awp": Settings(
        PGDAT(),
        drops(0.1, 5e-4, 100, 150),
        200,
        CropFlip(mode="REFLECT"),
        weight_perturbation=WeightPerturbation(0.01),
    ),
    "trades+awp": Settings(
        TRADES(),
        drops(0.1, 5e-4, 99, 149),
        200,
        weight_perturbation=WeightPerturbation(0.005, start=9 / 200),
    ),
}
"""Published settings by method, for CIFAR-10 on ResNet-18."""


def changed(method: str, **changes: Any) -> Settings:
    """Returns a method's settings for CIFAR-10 on ResNet-18, but for some."""
    return replace(OWN_SETTINGS[method], **changes)
