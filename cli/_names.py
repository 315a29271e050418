"""Names that commands take, checked without TensorFlow."""

from __future__ import annotations

SINGLE = ("natural", "fgsm", "pgd20", "pgd100", "cw", "cw-dat")
"""Evaluations that are one attack, or none."""

STAGED = (
    "apgd-ce",
    "apgd-dlr",
    "apgd-t",
    "fab",
    "fab-t",
    "square",
    "autoattack",
    "autoattack-plus",
    "autoattack-rand",
    "autoattack-monitor",
)
"""AutoAttack and its parts: long enough to keep a state for `--resume`."""

EVALUATIONS = (*SINGLE, *STAGED)
"""Keys of `EVALUATIONS` in evaluation/suites.py, which imports the attacks."""

ARCHITECTURES = (
    *("resnet18", "preactresnet18", "wrn-34-10", "wrn-28-10", "resnet8"),
    *(f"keras_cv/resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    *(f"keras_cv/resnet{depth}_v2" for depth in (18, 34, 50, 101, 152)),
    *(f"keras_cv/densenet{depth}" for depth in (121, 169, 201)),
    "keras_cv/vgg16",
)
"""Keys of `ARCHITECTURES` in architectures/__init__.py, likewise."""

LOGS = ("tensorboard", "wandb", "mlflow")
"""Keys of `LOGGERS` in training/loggers.py, which imports TensorFlow."""

PROTOCOLS = ("strict", "dat")
"""Keys of `dat_keras.evaluation.protocols.PROTOCOLS`, likewise."""
