"""`Survivors`: images that AutoAttack leaves, part by part.

They are measured for a report, or taken from one of `dat-keras evaluate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.results import Caution
from dat_keras.evaluation.suites import evaluation_of_name
from dat_keras.utils.intervals import wilson
from dat_keras.utils.norms import pixel_fraction

NAME = "autoattack"
"""Key of `EVALUATIONS`, and of a result in a report of `evaluate`."""


@dataclass(frozen=True)
class Survivors:
    """Images that are not broken after each part of AutoAttack.

    Args:
        parts: Name of each part and the images left after it; the first is no
            attack.
        n_examples: Number of images, the wrong ones included.
        data: Name of the data.
        norm: Key of `THREAT_MODELS`.
        eps: Radius, in pixel units of `[0, 1]`.
        seed: Seed of all draws.

    Example:
    >>> parts = ("natural", 9), ("apgd-ce", 5), ("apgd-t", 4)
    >>> found = Survivors(parts, 10, "toy/test", "linf", 8 / 255, 0)
    >>> found.lost
    (1, 4, 1)
    >>> print(found.title())
    10 images of toy/test, linf eps 8/255, AutoAttack (standard), seed 0
    """

    parts: tuple[tuple[str, int], ...]
    n_examples: int
    data: str
    norm: str
    eps: float
    seed: int

    @property
    def lost(self) -> tuple[int, ...]:
        """Images that each part broke."""
        left = [count for _, count in self.parts]
        before = [self.n_examples, *left]
        return tuple(b - n for b, n in zip(before, left, strict=False))

    def title(self) -> str:
        """Returns what was measured, in one line."""
        return (
            f"{self.n_examples} images of {self.data}, {self.norm} eps "
            f"{pixel_fraction(self.eps)}, AutoAttack (standard), "
            f"seed {self.seed}"
        )

    def cells(self, name: str) -> list[list[str]]:
        """Returns a row for each part: what it left, and what it broke.

        Args:
            name: Name of the classifier.
        """
        what = f"{self.n_examples}, {pixel_fraction(self.eps)}, {self.seed}"
        rows = []
        for (part, left), lost in zip(self.parts, self.lost, strict=True):
            low, high = (100 * end for end in wilson(left, self.n_examples))
            share = 100 * left / self.n_examples
            text = f"{share:.1f} % [{low:.1f}, {high:.1f}]"
            rows.append([name, what, part, text, str(lost)])
        return rows


def run_autoattack(
    context: EvaluationContext, norm: str
) -> tuple[Survivors, tuple[Caution, ...]]:
    """Runs AutoAttack's `standard`, as `evaluate` does.

    Args:
        context: The classifier, the images and the threat model.
        norm: Key of `THREAT_MODELS`.

    Returns:
        What it leaves, and what a reader must know.
    """
    result = evaluation_of_name(NAME, context.threat_model)(NAME, context)
    survivors = Survivors(
        tuple((part.name, part.correct) for part in result.parts),
        len(context.samples),
        context.samples.name,
        norm,
        float(context.threat_model.eps),
        context.seed,
    )
    return survivors, result.cautions


def survivors_of(report: Mapping[str, Any]) -> list[Survivors]:
    """Returns what a report of `evaluate` holds of AutoAttack, if anything.

    Args:
        report: What its `to_json` returned.
    """
    if NAME not in report["attacks"]:
        return []
    parts = report["attacks"][NAME]["parts"]
    return [
        Survivors(
            tuple(
                (str(name), int(part["correct"]))
                for name, part in parts.items()
            ),
            int(report["n_examples"]),
            str(report["data"]["name"]),
            str(report["norm"]),
            float(report["eps"]),
            int(report["seed"]),
        )
    ]
