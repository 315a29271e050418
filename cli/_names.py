"""Names that `evaluate` checks before the tables they are keys of are there."""

from __future__ import annotations

EVALUATIONS = (
    "natural",
    "fgsm",
    "pgd20",
    "pgd100",
    "cw",
    "cw-dat",
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
"""Keys of `EVALUATIONS` in evaluation/suites.py, which imports the attacks."""

PROTOCOLS = ("strict", "dat")
"""Keys of `dat_keras.evaluation.protocols.PROTOCOLS`, likewise."""
