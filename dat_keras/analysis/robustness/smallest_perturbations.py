"""`SmallestPerturbations`: how far each image is from being misclassified."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dat_keras.core.threat_models import ThreatModel
from dat_keras.evaluation.context import Evaluation, EvaluationContext
from dat_keras.evaluation.minimal_distances import MinimalDistances
from dat_keras.evaluation.suites import evaluation_of_name
from dat_keras.utils.norms import RADIUS_UNITS
from dat_keras.utils.registry import split_names

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of the images whose distance is shown."""


@dataclass(frozen=True)
class SmallestPerturbations:
    """Distances that a minimum-norm attack found.

    Args:
        attack: Its name.
        distances: Of every image; 0 for one that is wrong before.
        data: Name of the data.
        seed: Seed of all draws.

    Example:
    >>> values = (0.0, 1 / 255, 2 / 255, math.inf)
    >>> distances = MinimalDistances("linf", values)
    >>> found = SmallestPerturbations("fmn", distances, "toy/test", 0)
    >>> found.quantile_text(0.5), found.quantile_text(0.9)
    ('1/255', 'none found')
    """

    attack: str
    distances: MinimalDistances
    data: str
    seed: int

    @property
    def norm(self) -> str:
        """Key of `THREAT_MODELS`."""
        return self.distances.norm

    def quantile(self, share: float) -> float:
        """Returns the smallest distance that a share of the images has.

        Args:
            share: In (0, 1].

        Returns:
            A distance of one of the images; infinity if too few were found.
        """
        values = sorted(self.distances.values)
        return values[math.ceil(share * len(values)) - 1]

    def quantile_text(self, share: float) -> str:
        """Returns the same as text, with the unit of the norm.

        Args:
            share: In (0, 1].
        """
        value, unit = self.quantile(share), RADIUS_UNITS[self.norm]
        if math.isinf(value):
            return "none found"
        return f"{unit.per_one * value:.3g}{unit.name}"

    def curve(self) -> tuple[list[float], list[float]]:
        """Returns radii, and the accuracy from each on, as shares.

        At radius 0 it is the natural accuracy; it falls at each distance.
        """
        values = sorted(self.distances.values)
        found = [value for value in values if 0 < value < math.inf]
        wrong, total = values.count(0.0), len(values)
        left = range(total - wrong, total - wrong - len(found) - 1, -1)
        return [0.0, *found], [count / total for count in left]

    def title(self) -> str:
        """Returns what was measured, in one line."""
        return (
            f"{len(self.distances.values)} images of {self.data}, "
            f"{self.norm}, {self.attack}, seed {self.seed}"
        )


def check_distances(
    attacks: str | Sequence[str], threat_model: ThreatModel
) -> dict[str, Evaluation]:
    """Returns minimum-norm attacks by name.

    Args:
        attacks: Names, as a sequence or separated by commas; or none.
        threat_model: The set that they search.

    Raises:
        ValueError: If a name is unknown or finds no distances.
    """
    if isinstance(attacks, str):
        attacks = split_names(attacks) if attacks else []
    found = {name: evaluation_of_name(name, threat_model) for name in attacks}
    for name, each in found.items():
        if not each.gives_distances:
            raise ValueError(
                "`distances` must name attacks that find minimal distances, "
                f"`fab` and `fmn`. Received: {name!r}"
            )
    return found


def run_distances(
    attacks: Mapping[str, Evaluation], context: EvaluationContext
) -> tuple[SmallestPerturbations, ...]:
    """Runs minimum-norm attacks, as `evaluate` does.

    Args:
        attacks: See `check_distances`.
        context: The classifier, the images and the threat model.
    """
    results = (each(name, context) for name, each in attacks.items())
    return tuple(
        SmallestPerturbations(
            result.name, result.distances, context.samples.name, context.seed
        )
        for result in results
        if result.distances is not None
    )


def distances_of(report: Mapping[str, Any]) -> list[SmallestPerturbations]:
    """Returns what a report of `evaluate` holds, perhaps nothing.

    Args:
        report: What its `to_json` returned.
    """
    total = int(report["n_examples"])
    found = {
        name: MinimalDistances.of_result(result, total)
        for name, result in report["attacks"].items()
    }
    return [
        SmallestPerturbations(
            name, distances, str(report["data"]["name"]), int(report["seed"])
        )
        for name, distances in found.items()
        if distances is not None
    ]
