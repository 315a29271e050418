"""The norms in which a comparison attacks, and their columns of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from dat_keras.core.threat_models import threat_model_of
from dat_keras.utils.norms import (
    DEFAULT_EPS,
    RADIUS_UNITS,
    pixel_fraction,
    union_radii,
)

UNION = "union"
"""What follows an attack in the column of all norms together."""


@dataclass(frozen=True)
class MeasuredNorms:
    """Norms with a radius each; of several also the union.

    Args:
        radii: Names of norms with their radii. Default: linf, 8/255.

    Raises:
        ValueError: If a radius is out of range.

    Example:
    >>> MeasuredNorms.of(("linf", "l2")).columns(("natural", "fgsm"))
    ('natural', 'fgsm linf', 'fgsm l2', 'fgsm union')
    """

    radii: tuple[tuple[str, float], ...] = (("linf", DEFAULT_EPS["linf"]),)

    def __post_init__(self) -> None:
        """Refuses radii out of range."""
        for norm, eps in self.radii:
            threat_model_of(norm, eps)

    @classmethod
    def of(
        cls, norms: Sequence[str], eps: Mapping[str, float] | None = None
    ) -> Self:
        """Returns norms by their names.

        Args:
            norms: Keys of `THREAT_MODELS`.
            eps: Radii by the name of the norm. Default of each norm left
                out: that of `evaluate`.

        Raises:
            ValueError: If a norm is unknown or given twice, or a radius is
                of none of them.
        """
        return cls(tuple(union_radii(norms, eps or {}).items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the norms."""
        return tuple(norm for norm, _ in self.radii)

    def columns(self, attacks: Sequence[str]) -> tuple[str, ...]:
        """Returns the names of the columns.

        Args:
            attacks: Names of attacks, natural accuracy first.
        """
        if len(self.radii) == 1:
            return tuple(attacks)
        natural, *others = attacks
        ends = (*self.names, UNION)
        return (natural, *(f"{name} {end}" for name in others for end in ends))

    def accuracies(self, report: dict, attacks: Sequence[str]) -> list[float]:
        """Returns the accuracy of each column.

        Args:
            report: What `Report.to_json` or `UnionReport.to_json` returned.
            attacks: Names of attacks, natural accuracy first.
        """
        if len(self.radii) == 1:
            return [report["attacks"][name]["accuracy"] for name in attacks]
        parts = [*report["norms"].values(), report["union"]]
        natural, *others = attacks
        return [
            report["union"]["attacks"][natural]["accuracy"],
            *(p["attacks"][name]["accuracy"] for name in others for p in parts),
        ]

    def distances(self, report: dict) -> dict[str, float]:
        """Returns the median distance of each minimum-norm attack, by column.

        In units of 1/255 for linf; infinity where half of the images have
        none.

        Args:
            report: What `Report.to_json` or `UnionReport.to_json` returned.
        """
        several = len(self.radii) > 1
        found = {}
        for norm in self.names:
            part = report["norms"][norm] if several else report
            unit = RADIUS_UNITS[norm]
            for attack, row in part["attacks"].items():
                if "distances" not in row:
                    continue
                name = f"{attack} {norm}" if several else attack
                median = row["distances"]["median"]
                found[f"{name} distance{unit.name}"] = (
                    math.inf if median is None else unit.per_one * median
                )
        return found

    def single(self, report: dict) -> dict:
        """Returns the report of one norm, of linf if it is among them.

        Args:
            report: What `Report.to_json` or `UnionReport.to_json` returned.
        """
        if len(self.radii) == 1:
            return report
        norm = "linf" if "linf" in self.names else self.names[0]
        return report["norms"][norm]

    def title(self) -> str:
        """Returns what the title of the table says of them.

        Example:
        >>> MeasuredNorms.of(("linf", "l1")).title()
        'union of linf eps 8/255, l1 eps 12'
        """
        each = [f"{norm} eps {pixel_fraction(eps)}" for norm, eps in self.radii]
        return f"{'union of ' if each[1:] else ''}{', '.join(each)}"
