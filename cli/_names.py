"""Names of evaluations and protocols, checked without TensorFlow."""

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

LOGS = ("tensorboard", "wandb", "mlflow")
"""Keys of `LOGGERS` in training/loggers.py, which imports TensorFlow."""

PROTOCOLS = ("strict", "dat")
"""Keys of `dat_keras.evaluation.protocols.PROTOCOLS`, likewise."""
