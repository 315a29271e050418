"""Figure of accuracy at every radius, from minimal distances."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import (
    GREY,
    new_figure,
    percent_axis,
    series,
    wrapped,
)
from dat_keras.analysis.robustness.figures import WIDTH, plain_axis
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers
from dat_keras.utils.norms import RADIUS_UNITS

SHOWN = 0.9
"""Share of the distances of each curve that the figure reaches."""


def distance_figure(report: RobustnessNumbers, norm: str) -> Figure:
    """Accuracy at every radius, a step for each image.

    Args:
        report: The numbers; some of its distances are in this norm.
        norm: Key of `THREAT_MODELS`.
    """
    unit = RADIUS_UNITS[norm]
    runs = report.distances_in(norm)
    titles = dict.fromkeys(run.title() for _, run in runs)
    caption = "; ".join(titles) + ". Upper bounds of each distance."
    figure = new_figure(WIDTH, 3.2 + 0.22 * len(runs), caption)
    axis = figure.subplots()
    ends = [run.quantile(SHOWN) for _, run in runs]
    least = 2 * report.eps if norm == report.norm else 0.0
    most = min(
        max([least, *(end for end in ends if end < math.inf)]), unit.most
    )
    looks = series(len(runs))
    for (name, run), look in zip(runs, looks, strict=True):
        radii, shares = run.curve()
        places = [unit.per_one * eps for eps in (*radii, max(most, radii[-1]))]
        axis.plot(
            places,
            [100 * share for share in (*shares, shares[-1])],
            drawstyle="steps-post",
            label=wrapped(f"{name}, {run.attack}", 50),
            linewidth=1.4,
            markevery=max(1, len(radii) // 8),
            **look,
        )
    if norm == report.norm:
        eps = unit.per_one * report.eps
        axis.axvline(eps, color=GREY, linestyle="--", linewidth=1)
    axis.set_xlabel(unit.axis)
    axis.set_xlim(0, unit.per_one * most or 1.0)
    percent_axis(axis)
    plain_axis(axis)
    figure.legend(loc="outside upper center", fontsize=8)
    return figure
