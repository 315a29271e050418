"""`UnionAccuracies`: accuracies in several norms, and in the worst of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dat_keras.analysis.html_page import Cells
from dat_keras.analysis.robustness.attack_accuracies import (
    AttackAccuracy,
    attacks_of,
    share_text,
)
from dat_keras.utils.norms import pixel_fraction

WORST = "worst case"
"""The row of an attack that counts an image as broken if any norm broke it."""


@dataclass(frozen=True)
class UnionRow:
    """One accuracy: of an attack in one norm or the worst, or without one.

    Args:
        attack: Name of the attack.
        left: Images that are still right.
        norm: Name of the norm, or `WORST`; empty without an attack.
        ball: Norm and radius, likewise.

    Example:
    >>> UnionRow("pgd20", 4, "l2", "l2 0.5").label
    'pgd20, l2'
    """

    attack: str
    left: int
    norm: str = ""
    ball: str = "-"

    @property
    def label(self) -> str:
        """Attack and norm."""
        return ", ".join(filter(None, (self.attack, self.norm)))

    @property
    def is_worst(self) -> bool:
        """Whether an image must be right in every norm."""
        return self.norm == WORST


@dataclass(frozen=True)
class UnionAccuracies:
    """Accuracies of one classifier under the same attacks in several norms.

    Args:
        norms: Accuracies by the name of the norm, natural accuracy first.
        worst: Images that are robust in every norm, by attack; likewise.

    Example:
    >>> rest = (10, "toy", "strict", 0)
    >>> norms = {
    ...     norm: (
    ...         AttackAccuracy("natural", norm, eps, 7, *rest),
    ...         AttackAccuracy("pgd20", norm, eps, left, *rest),
    ...     )
    ...     for norm, eps, left in (("linf", 8 / 255, 6), ("l2", 0.5, 5))
    ... }
    >>> union = UnionAccuracies(norms, {"natural": 7, "pgd20": 4})
    >>> union.title()
    '10 images of toy, linf eps 8/255, l2 eps 0.5, protocol strict, seed 0'
    >>> [(row.label, row.left) for row in union.rows()][:3]
    [('natural', 7), ('pgd20, linf', 6), ('pgd20, l2', 5)]
    """

    norms: dict[str, tuple[AttackAccuracy, ...]]
    worst: dict[str, int]

    @property
    def first(self) -> AttackAccuracy:
        """An accuracy in the first norm; the settings of all are its own."""
        return next(iter(self.norms.values()))[0]

    def balls(self) -> str:
        """Returns norms with their radii."""
        return ", ".join(
            f"{norm} eps {pixel_fraction(each[0].eps)}"
            for norm, each in self.norms.items()
        )

    def title(self) -> str:
        """Returns what was measured, in one line."""
        first = self.first
        eot = f", mean over {first.eot} passes" if self.eot > 1 else ""
        return (
            f"{first.n_examples} images of {first.data}, {self.balls()}{eot}, "
            f"protocol {first.protocol}, seed {first.seed}"
        )

    @property
    def eot(self) -> int:
        """Passes over which logits and gradients were averaged."""
        return self.first.eot

    def rows(self) -> list[UnionRow]:
        """Returns natural accuracy, then each attack in each norm and all."""
        (natural, right), *attacks = self.worst.items()
        found = [UnionRow(natural, right)]
        for attack, left in attacks:
            found += [
                UnionRow(attack, each.correct, norm, _ball(each))
                for norm, accuracies in self.norms.items()
                for each in accuracies
                if each.attack == attack
            ]
            found.append(UnionRow(attack, left, WORST, WORST))
        return found

    def cells(self) -> Cells:
        """Returns the accuracies as a table."""
        total, first = self.first.n_examples, self.first
        header = ["attack", "norm, eps", "accuracy", "images", "protocol, seed"]
        return [header] + [
            [
                row.attack,
                row.ball,
                share_text(row.left, total),
                f"{total} of {first.data}",
                f"{first.protocol}, {first.seed}",
            ]
            for row in self.rows()
        ]


def _ball(accuracy: AttackAccuracy) -> str:
    return f"{accuracy.norm} {pixel_fraction(accuracy.eps)}"


def unions_of(report: Mapping[str, Any]) -> list[UnionAccuracies]:
    """Returns what a report of `evaluate_union` holds.

    Args:
        report: What its `to_json` returned.
    """
    worst = report["union"]["attacks"]
    return [
        UnionAccuracies(
            {
                str(norm): tuple(attacks_of(each))
                for norm, each in report["norms"].items()
            },
            {str(name): int(each["correct"]) for name, each in worst.items()},
        )
    ]
