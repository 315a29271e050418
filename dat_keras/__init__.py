"""Dual Adversarial Training and robustness evaluation for Keras.

Names are imported at first use, so that `dat-keras --help` does not wait for
TensorFlow.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Keras reads this once, at its own import; a user's explicit choice stays.
_backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if "keras" in sys.modules:
    _backend = sys.modules["keras"].config.backend()
if _backend != "tensorflow":
    raise ImportError(
        "dat_keras runs on Keras' TensorFlow backend only. Received: "
        f"backend={_backend!r}. Set the environment variable "
        "KERAS_BACKEND=tensorflow before Keras is imported."
    )

if TYPE_CHECKING:
    from dat_keras import (
        architectures,
        attacks,
        augment,
        callbacks,
        data,
        losses,
        objectives,
        optimizers,
        recipes,
        schedules,
        spectral,
    )
    from dat_keras.averaging import Averaging
    from dat_keras.evaluation import evaluate
    from dat_keras.model import AdversarialModel
    from dat_keras.objectives import (
        DAJAT,
        DAT,
        IDBH,
        LASAT,
        MART,
        PGDAT,
        SCARL,
        ST,
        TRADES,
        Natural,
        Objective,
    )
    from dat_keras.recipes import Recipe
    from dat_keras.report import Report
    from dat_keras.runs import load_classifier
    from dat_keras.threat_models import L2, Linf, ThreatModel
    from dat_keras.training import train
    from dat_keras.weight_perturbation import WeightPerturbation
    from dat_keras.zoo.load import load_model

_MODULES = (
    "architectures",
    "attacks",
    "augment",
    "callbacks",
    "data",
    "losses",
    "objectives",
    "optimizers",
    "recipes",
    "schedules",
    "spectral",
)
_NAMES = {
    "AdversarialModel": "model",
    "Averaging": "averaging",
    "DAJAT": "objectives",
    "DAT": "objectives",
    "IDBH": "objectives",
    "L2": "threat_models",
    "LASAT": "objectives",
    "LASTRADES": "objectives",
    "Linf": "threat_models",
    "MART": "objectives",
    "Natural": "objectives",
    "OAAT": "objectives",
    "Objective": "objectives",
    "PGDAT": "objectives",
    "Recipe": "recipes",
    "Report": "report",
    "SCARL": "objectives",
    "ST": "objectives",
    "TRADES": "objectives",
    "ThreatModel": "threat_models",
    "WeightPerturbation": "weight_perturbation",
    "evaluate": "evaluation",
    "load_classifier": "runs",
    "load_model": "zoo.load",
    "train": "training",
}

__all__ = [
    "DAJAT",
    "DAT",
    "IDBH",
    "L2",
    "LASAT",
    "LASTRADES",
    "MART",
    "OAAT",
    "PGDAT",
    "SCARL",
    "ST",
    "TRADES",
    "AdversarialModel",
    "Averaging",
    "Linf",
    "Natural",
    "Objective",
    "Recipe",
    "Report",
    "ThreatModel",
    "WeightPerturbation",
    "architectures",
    "attacks",
    "augment",
    "callbacks",
    "data",
    "evaluate",
    "load_classifier",
    "load_model",
    "losses",
    "objectives",
    "optimizers",
    "recipes",
    "schedules",
    "spectral",
    "train",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"dat_keras.{name}")
    if name in _NAMES:
        value = getattr(import_module(f"dat_keras.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'dat_keras' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
