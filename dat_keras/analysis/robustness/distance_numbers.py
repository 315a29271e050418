"""Distances of the nearest misclassified images, as tables and in words."""

from __future__ import annotations

from collections.abc import Sequence

from dat_keras.analysis.html_page import Cells
from dat_keras.analysis.robustness.model_robustness import ModelRobustness
from dat_keras.analysis.robustness.smallest_perturbations import (
    QUANTILES,
    SmallestPerturbations,
)
from dat_keras.evaluation.eps_curve import accuracy_within, usual_radii
from dat_keras.utils.intervals import wilson
from dat_keras.utils.norms import RADIUS_UNITS

Runs = Sequence[tuple[str, SmallestPerturbations]]
"""Distances with the names of their models."""


def distance_runs(models: Sequence[ModelRobustness]) -> Runs:
    """Returns all distances of a report, with the names of their models.

    Args:
        models: What was measured.
    """
    return [(m.name, run) for m in models for run in m.distances]


def quantile_cells(runs: Runs) -> Cells:
    """Returns quantiles of the distances, a row for each attack of a model.

    Args:
        runs: The distances.
    """
    shares = [f"{100 * share:.0f} % of images" for share in QUANTILES]
    header = ["model", "attack", "norm", "images, seed", *shares, "none found"]
    return [header] + [
        [
            name,
            run.attack,
            run.norm,
            f"{len(run.distances.values)}, {run.seed}",
            *(run.quantile_text(share) for share in QUANTILES),
            str(run.distances.missing),
        ]
        for name, run in runs
    ]


def distance_curve_cells(runs: Runs, norm: str, eps: float | None) -> Cells:
    """Returns accuracies with intervals, a row for each of nine radii.

    Args:
        runs: Distances in this norm.
        norm: Key of `THREAT_MODELS`.
        eps: Half the last radius. Default: the norm's usual one.
    """
    unit = RADIUS_UNITS[norm]
    rows = [[f"{norm} eps", *(f"{name}: {run.attack}" for name, run in runs)]]
    for radius in usual_radii(norm, eps):
        row = [unit.text(radius)]
        for _, run in runs:
            total = len(run.distances.values)
            share = accuracy_within(run.distances, radius)
            low, high = wilson(round(share * total), total)
            row.append(
                f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
            )
        rows.append(row)
    return rows
