"""Distances of the nearest misclassified images, one for each sample."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from dat_keras.utils.norms import RADIUS_UNITS


@dataclass(frozen=True)
class MinimalDistances:
    """How far a minimum-norm attack had to go, in float64.

    They are upper bounds: a misclassified image may lie nearer.

    Args:
        norm: Key of `THREAT_MODELS`.
        values: The distance of each sample, in the order of the data: 0 for
            one that is misclassified without an attack, infinity where no
            misclassified image was found.

    Example:
    >>> found = MinimalDistances("linf", (0.0, 2 / 255, 4 / 255, math.inf))
    >>> found.to_json()["values"][3] is None
    True
    >>> found.text()
    'median distance 3/255 in linf, none found for 1 of 4 images'
    """

    norm: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median over all samples; infinity if half were not found."""
        return statistics.median(self.values)

    @property
    def missing(self) -> int:
        """Number of samples for which nothing was found."""
        return sum(math.isinf(value) for value in self.values)

    def text(self) -> str:
        """Returns the median and what is missing, in one line."""
        unit = RADIUS_UNITS[self.norm]
        median = (
            "more than was found"
            if math.isinf(self.median)
            else f"{unit.per_one * self.median:.4g}{unit.name}"
        )
        return (
            f"median distance {median} in {self.norm}, none found for "
            f"{self.missing} of {len(self.values)} images"
        )

    def to_json(self) -> dict:
        """Returns the distances as plain data, `None` for infinity."""
        return {
            "norm": self.norm,
            "median": _plain(self.median),
            "values": [_plain(value) for value in self.values],
        }

    @classmethod
    def of_result(cls, data: dict, total: int) -> MinimalDistances | None:
        """Returns the distances in what `AttackResult.to_json` returned.

        Args:
            data: The result.
            total: Number of samples.

        Raises:
            ValueError: If they are not distances of so many samples.
        """
        if "distances" not in data:
            return None
        kept = data["distances"]
        values = tuple(
            math.inf if value is None else float(value)
            for value in kept["values"]
        )
        known = kept["norm"] in RADIUS_UNITS
        if not known or len(values) != total or not min(values) >= 0:
            raise ValueError("distances")
        return cls(kept["norm"], values)


def merged_distances(
    shards: Sequence[MinimalDistances | None],
) -> MinimalDistances | None:
    """Returns the distances of all shards, in order; `None` if one has none.

    Args:
        shards: Those of each shard, in one norm.
    """
    found = [shard for shard in shards if shard is not None]
    if len(found) < len(shards):
        return None
    values = (value for shard in found for value in shard.values)
    return MinimalDistances(found[0].norm, tuple(values))


def _plain(value: float) -> float | None:
    return None if math.isinf(value) else value
