"""SGD with PyTorch's rule, learning-rate schedules, weight averaging."""

from __future__ import annotations

from dat_keras.optimizers.schedules import (
    ConstantConfig,
    CosineConfig,
    OneCycleConfig,
    StepDropConfig,
)
from dat_keras.optimizers.sgd import SGD, SGDConfig
from dat_keras.optimizers.weight_averaging import Averaging

__all__ = [
    "SGD",
    "Averaging",
    "ConstantConfig",
    "CosineConfig",
    "StepDropConfig",
    "OneCycleConfig",
    "SGDConfig",
]
