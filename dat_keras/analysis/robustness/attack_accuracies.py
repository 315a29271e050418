"""`AttackAccuracy`: accuracies of reports of `evaluate`, with settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dat_keras.analysis.html_page import Cells
from dat_keras.evaluation.eot import passes_of
from dat_keras.utils.intervals import wilson
from dat_keras.utils.norms import pixel_fraction


def share_text(correct: int, total: int) -> str:
    """Returns an accuracy with its 95 % Wilson interval, in percent.

    Example:
    >>> share_text(7, 10)
    '70.0 % [39.7, 89.2]'
    """
    low, high = (100 * end for end in wilson(correct, total))
    return f"{100 * correct / total:.1f} % [{low:.1f}, {high:.1f}]"


@dataclass(frozen=True)
class AttackAccuracy:
    """Images that an attack left.

    Args:
        attack: Its name; `"natural"` is none.
        norm: Key of `THREAT_MODELS`.
        eps: Radius, in pixel units of `[0, 1]`.
        correct: Images that are right before and under the attack.
        n_examples: Number of images.
        data: Name of the data.
        protocol: Key of `PROTOCOLS`.
        seed: Seed of all draws.
        eot: Passes over which logits and gradients were averaged.
    """

    attack: str
    norm: str
    eps: float
    correct: int
    n_examples: int
    data: str
    protocol: str
    seed: int
    eot: int = 1


def attacks_of(report: Mapping[str, Any]) -> list[AttackAccuracy]:
    """Returns the accuracies of a report of `evaluate`.

    Args:
        report: What its `to_json` returned.
    """
    return [
        AttackAccuracy(
            str(name),
            str(report["norm"]),
            float(report["eps"]),
            int(result["correct"]),
            int(report["n_examples"]),
            str(report["data"]["name"]),
            str(report["protocol"]),
            int(report["seed"]),
            passes_of(str(result["settings"])),
        )
        for name, result in report["attacks"].items()
    ]


def attack_cells(found: tuple[AttackAccuracy, ...]) -> Cells:
    """Returns accuracies as a table, a row for each attack.

    Args:
        found: Accuracies of one classifier.
    """
    header = ["attack", "norm, eps", "accuracy", "images", "protocol, seed"]
    return [[*header, "EOT passes"]] + [
        [
            each.attack,
            f"{each.norm} {pixel_fraction(each.eps)}",
            share_text(each.correct, each.n_examples),
            f"{each.n_examples} of {each.data}",
            f"{each.protocol}, {each.seed}",
            str(each.eot),
        ]
        for each in found
    ]
