"""Classifiers for small images, and the table of their builders by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras

from dat_keras.architectures.branched import BranchedClassifier, branches_of
from dat_keras.architectures.keras_applications import ResNet50
from dat_keras.architectures.keras_cv import PRESETS, KerasCVClassifier
from dat_keras.architectures.preact_resnet import PreActResNet18
from dat_keras.architectures.resnet import ResNet8, ResNet18
from dat_keras.architectures.swish_resnet import (
    SwishPreActResNet18,
    SwishWideResNet,
)
from dat_keras.architectures.wide_resnet import (
    WideResNet28_10,
    WideResNet34_10,
    WideResNet70_16,
)
from dat_keras.utils.swish_depths import SWISH_DEPTHS

__all__ = [
    "ARCHITECTURES",
    "OWN",
    "BranchedClassifier",
    "KerasCVClassifier",
    "PreActResNet18",
    "ResNet18",
    "ResNet50",
    "ResNet8",
    "SwishPreActResNet18",
    "SwishWideResNet",
    "WideResNet28_10",
    "WideResNet34_10",
    "WideResNet70_16",
    "branches_of",
]

OWN: dict[str, Callable[..., keras.Model]] = {
    "resnet18": ResNet18,
    "preactresnet18": PreActResNet18,
    "wrn-34-10": WideResNet34_10,
    "wrn-28-10": WideResNet28_10,
    "wrn-70-16": WideResNet70_16,
    "resnet8": ResNet8,
    "swish-preactresnet18": SwishPreActResNet18,
    **{
        f"swish-wrn-{depth}": partial(SwishWideResNet, depth)
        for depth in SWISH_DEPTHS
    },
}
"""Builders of this package by name; all take the arguments of `ResNet18`."""

ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    **OWN,
    "resnet50": ResNet50,
    **{
        f"keras_cv/{name}": partial(KerasCVClassifier, name) for name in PRESETS
    },
}
"""The same and nets of Keras and of KerasCV, which have no `width`."""
