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
class UnionAccuracies:
    """Accuracies of one classifier under the same attacks in several norms.

    Args:
        norms: Accuracies by the name of the norm, natural accuracy first.
        worst: Images that are robust in every norm, by attack.

    Example:
    >>> one = AttackAccuracy(
    ...     "pgd20", "linf", 8 / 255, 6, 10, "toy", "strict", 0
    ... )
    >>> two = AttackAccuracy("pgd20", "l2", 0.5, 5, 10, "toy", "strict", 0)
    >>> union = UnionAccuracies({"linf": (one,), "l2": (two,)}, {"pgd20": 4})
    >>> union.title()
    '10 images of toy, linf eps 8/255, l2 eps 0.5, protocol strict, seed 0'
    >>> union.rows()
    [('pgd20', 'linf', 6), ('pgd20', 'l2', 5), ('pgd20', 'worst case', 4)]
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

    def rows(self) -> list[tuple[str, str, int]]:
        """Returns attack, norm and images left; natural accuracy once."""
        found = []
        for attack, left in self.worst.items():
            if attack == "natural":
                found.append((attack, "-", left))
                continue
            found += [
                (attack, norm, each.correct)
                for norm, accuracies in self.norms.items()
                for each in accuracies
                if each.attack == attack
            ]
            found.append((attack, WORST, left))
        return found

    def cells(self) -> Cells:
        """Returns the accuracies as a table."""
        total, first = self.first.n_examples, self.first
        balls = {
            norm: f"{norm} {pixel_fraction(each[0].eps)}"
            for norm, each in self.norms.items()
        }
        header = ["attack", "norm, eps", "accuracy", "images", "protocol, seed"]
        return [header] + [
            [
                attack,
                balls.get(norm, norm),
                share_text(left, total),
                f"{total} of {first.data}",
                f"{first.protocol}, {first.seed}",
            ]
            for attack, norm, left in self.rows()
        ]


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
