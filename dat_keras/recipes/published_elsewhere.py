"""What the authors published for data sets and nets other than the first.

The settings of published.py are those for CIFAR-10 on ResNet-18.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dat_keras.augment import ApplyToShare, AutoAugment, Chain, CropFlip
from dat_keras.objectives import DAJAT, IDBH, LASAT, MART
from dat_keras.objectives.idbh import WEAK
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import Reward
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.recipes.paper import (
    DAJAT_CIFAR100,
    LAS_CIFAR100,
    LAS_TINY,
    LAS_TRADES_CIFAR100,
    LAS_TRADES_TINY,
    OAAT_CIFAR100,
    OAAT_CIFAR100_WRN,
    OAAT_WRN,
)
from dat_keras.recipes.published import (
    OLD_PGD,
    OWN_SETTINGS,
    Settings,
    changed,
    drops,
    oa_at,
)


def _las_awp(reward: Reward, start: float = 0.0, **policy: Any) -> Settings:
    # The grids of the published code's arguments; no command was published.
    return changed(
        "las-awp",
        objective=LASAT(
            policy=Policy(
                eps_grid=tuple(range(7, 15)),
                steps_grid=tuple(range(8, 15)),
                step_size_grid=tuple(range(2, 5)),
                reward=reward,
                **policy,
            ),
            true_class=1.0,
        ),
        weight_perturbation=WeightPerturbation(0.01, start),
    )


_HALF_AUGMENTED = Chain((CropFlip(), ApplyToShare(AutoAugment())))

ELSEWHERE: dict[tuple[str, str, str], Settings] = {
    ("pgd-at", "cifar10", "wrn-34-10"): OWN_SETTINGS["pgd-at"],
    ("pgd-at", "cifar100", "resnet18"): changed("pgd-at", augment=CropFlip()),
    ("trades", "cifar10", "wrn-34-10"): OWN_SETTINGS["trades"],
    ("mart", "cifar10", "wrn-34-10"): Settings(
        MART(OLD_PGD, beta=6.0), drops(0.1, 7e-4, 74, 89), 90
    ),
    ("st", "cifar100", "resnet18"): OWN_SETTINGS["st"],
    ("scarl", "cifar100", "resnet18"): OWN_SETTINGS["scarl"],
    ("las-at", "cifar10", "wrn-34-10"): OWN_SETTINGS["las-at"],
    ("las-at", "cifar100", "wrn-34-10"): changed(
        "las-at", objective=LAS_CIFAR100
    ),
    ("las-at", "tiny_imagenet", "resnet18"): changed(
        "las-at", objective=LAS_TINY, clip_norm=10.0
    ),
    ("las-trades", "cifar10", "wrn-34-10"): OWN_SETTINGS["las-trades"],
    ("las-trades", "cifar100", "wrn-34-10"): changed(
        "las-trades", objective=LAS_TRADES_CIFAR100
    ),
    ("las-trades", "tiny_imagenet", "resnet18"): Settings(
        LAS_TRADES_TINY, drops(0.1, 5e-4, 82, 99), 110, clip_norm=10.0
    ),
    ("las-awp", "cifar100", "resnet18"): _las_awp(
        Reward(interval=10), policy_momentum=0.9, policy_weight_decay=5e-4
    ),
    ("las-awp", "tiny_imagenet", "resnet18"): replace(
        _las_awp(Reward(robust=8.0, interval=10), start=10 / 200),
        clip_norm=10.0,
    ),
    ("pgd-at+awp", "cifar100", "resnet18"): changed(
        "pgd-at+awp", augment=CropFlip()
    ),
    ("trades+awp", "cifar10", "wrn-34-10"): OWN_SETTINGS["trades+awp"],
    ("trades+awp", "cifar100", "resnet18"): OWN_SETTINGS["trades+awp"],
    ("trades+awp", "cifar100", "wrn-34-10"): OWN_SETTINGS["trades+awp"],
    ("oa-at", "cifar10", "wrn-34-10"): oa_at(
        OAAT_WRN, 200, 3e-4, Chain((CropFlip(), AutoAugment()))
    ),
    ("oa-at", "cifar100", "resnet18"): oa_at(
        OAAT_CIFAR100, 200, 3e-4, _HALF_AUGMENTED, warmup=10
    ),
    ("oa-at", "cifar100", "wrn-34-10"): oa_at(
        OAAT_CIFAR100_WRN, 110, 3e-4, _HALF_AUGMENTED, warmup=10
    ),
    ("dajat", "cifar10", "wrn-34-10"): changed(
        "dajat", objective=DAJAT(beta=10.0, omega=3.0, augmentations=2)
    ),
    ("dajat", "cifar100", "resnet18"): changed(
        "dajat", objective=replace(DAJAT_CIFAR100, augmentations=2)
    ),
    ("dajat", "cifar100", "wrn-34-10"): changed(
        "dajat", objective=replace(DAJAT_CIFAR100, augmentations=2)
    ),
    ("idbh", "cifar10", "wrn-34-10"): changed(
        "idbh", objective=IDBH(augment=WEAK)
    ),
}
"""Published settings for other data sets and networks."""
