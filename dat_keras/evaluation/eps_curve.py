"""`EpsCurve`: robust accuracy at several radii, from minimal distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dat_keras.core.threat_models import threat_model_of
from dat_keras.evaluation.constraints import largest_distance
from dat_keras.evaluation.context import Evaluation
from dat_keras.evaluation.minimal_distances import MinimalDistances
from dat_keras.evaluation.results import AttackResult
from dat_keras.utils.norms import DEFAULT_EPS, RADIUS_UNITS
from dat_keras.utils.text_table import plain

POINTS = 9
"""Number of radii of a curve that names none."""


@dataclass(frozen=True)
class EpsCurve:
    """Accuracy at every radius, by attack, from one run of each.

    At radius 0 it is the natural accuracy; it never rises.

    Args:
        norm: Key of `THREAT_MODELS`.
        eps: The radii, in pixel units of `[0, 1]`.
        accuracy: Accuracy at each radius, by the attack's name.

    Example:
    >>> print(EpsCurve("linf", (0.0, 8 / 255), {"fab": (0.9, 0.5)}))
    accuracy at every linf radius, from minimal distances
    eps        fab
    0/255  90.00 %
    8/255  50.00 %
    """

    norm: str
    eps: tuple[float, ...]
    accuracy: Mapping[str, tuple[float, ...]]

    def __str__(self) -> str:
        """Returns title and table as plain text."""
        return f"{self.title()}\n{plain(self.cells())}"

    def title(self) -> str:
        """Returns what was measured, in one line."""
        return f"accuracy at every {self.norm} radius, from minimal distances"

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first."""
        rows = zip(self.eps, *self.accuracy.values(), strict=True)
        unit = RADIUS_UNITS[self.norm]
        return [
            ["eps", *self.accuracy],
            *(
                [unit.text(eps), *(f"{100 * each:.2f} %" for each in values)]
                for eps, *values in rows
            ),
        ]

    def to_json(self) -> dict:
        """Returns the curve as plain data."""
        return {
            "norm": self.norm,
            "eps": list(self.eps),
            "accuracy": {n: list(a) for n, a in self.accuracy.items()},
        }


def eps_curve_of(
    results: Sequence[AttackResult], norm: str, eps: Sequence[float] | None
) -> EpsCurve | None:
    """Returns the curve of the results that hold distances.

    Args:
        results: Results of attacks.
        norm: Key of `THREAT_MODELS`.
        eps: The radii; `None` for no curve.
    """
    if eps is None:
        return None
    return EpsCurve(
        norm,
        tuple(map(float, eps)),
        {
            result.name: tuple(
                accuracy_within(result.distances, each) for each in eps
            )
            for result in results
            if result.distances is not None
        },
    )


def check_curve(
    eps: Sequence[float] | None,
    norm: str,
    evaluations: Mapping[str, Evaluation],
) -> None:
    """Refuses radii out of range, and attacks that give no distances.

    Args:
        eps: The radii; `None` for no curve.
        norm: Key of `THREAT_MODELS`.
        evaluations: Attacks by name.

    Raises:
        ValueError: If a curve cannot be made.
    """
    if eps is None:
        return
    if not len(eps) or list(eps) != sorted(set(eps)):
        raise ValueError(
            "`eps_curve` must be radii in rising order, none twice. "
            f"Received: {list(eps)}"
        )
    for radius in eps:
        threat_model_of(norm, radius)
    attacks = {n: each for n, each in evaluations.items() if n != "natural"}
    without = [n for n, each in attacks.items() if not each.gives_distances]
    if without or not attacks:
        raise ValueError(
            "`eps_curve` needs attacks that find minimal distances, such as "
            f"`fab` and `fmn`. Received: {', '.join(without) or 'natural'}"
        )


def accuracy_within(distances: MinimalDistances, eps: float) -> float:
    """Returns the share of samples whose distance exceeds a radius.

    As wherever images are judged, float32 may round the distance up a little.

    Args:
        distances: The distances.
        eps: The radius.

    Example:
    >>> accuracy_within(MinimalDistances("l2", (0.0, 0.2, 0.7)), 0.5)
    0.3333333333333333
    """
    most = largest_distance(threat_model_of(distances.norm, eps))
    robust = sum(value > most for value in distances.values)
    return robust / len(distances.values)


def usual_radii(norm: str, eps: float | None) -> tuple[float, ...]:
    """Returns `POINTS` radii from 0 to twice the usual one.

    Args:
        norm: Key of `THREAT_MODELS`.
        eps: The usual radius. Default: that of the norm.

    Example:
    >>> usual_radii("l2", 0.5)
    (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
    """
    usual = DEFAULT_EPS[norm] if eps is None else eps
    last = min(2 * usual, RADIUS_UNITS[norm].most)
    return tuple(last * i / (POINTS - 1) for i in range(POINTS))
