"""Sections of a report's page on minimal distances and on corruptions."""

from __future__ import annotations

from collections.abc import Iterator

from dat_keras.analysis.html_page import figure, folded_table, section
from dat_keras.analysis.plot_style import png
from dat_keras.analysis.robustness.corruption_figure import corruption_figure
from dat_keras.analysis.robustness.corruption_numbers import (
    corruption_cells,
    corruption_title,
)
from dat_keras.analysis.robustness.distance_figure import distance_figure
from dat_keras.analysis.robustness.distance_numbers import (
    distance_curve_cells,
    distance_runs,
    quantile_cells,
)
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers

DISTANCES = (
    "How far a minimum-norm attack had to move each image until it was "
    "misclassified; 0 for an image that is wrong before. The curve is the "
    "share of images that are farther than eps, which is robust accuracy at "
    "every radius from one run; a dashed line marks the eps of this report. "
    "Each distance is an upper bound: a nearer misclassified image may exist."
)
CORRUPTIONS = (
    "Accuracy without an attack on the common corruptions of Hendrycks and "
    "Dietterich (2019). The mean corruption error is the mean error over the "
    "severities and the 15 standard corruptions. Corruptions are computed "
    "from the images of this report; crystals of frost and borders of "
    "spatter's drops are not those of the published images, so compare "
    "models of this page, and with papers only rows of the parameters "
    "'published'."
)


def distance_section(report: RobustnessNumbers) -> Iterator[str]:
    """Yields the section on minimal distances, if there are any.

    Args:
        report: The numbers.
    """
    runs = distance_runs(report.models)
    if not runs:
        return
    parts = []
    for norm in dict.fromkeys(run.norm for _, run in runs):
        mine = report.distances_in(norm)
        names = ", ".join(f"{name} ({run.attack})" for name, run in mine)
        eps = report.eps if norm == report.norm else None
        parts += [
            figure(
                png(distance_figure(report, norm)),
                f"Accuracy at every {norm} eps from minimal distances of "
                f"{names}. Numbers: table below.",
            ),
            folded_table(
                distance_curve_cells(mine, norm, eps),
                f"Table: accuracy by {norm} eps",
            ),
        ]
    parts.append(folded_table(quantile_cells(runs), "Table: distances"))
    yield section("distances", "Smallest perturbations", DISTANCES, parts)


def corruption_section(report: RobustnessNumbers) -> Iterator[str]:
    """Yields the section on corruptions, if they were measured.

    Args:
        report: The numbers.
    """
    parts = []
    for model in report.models:
        for found in model.corruptions:
            parts += [
                figure(
                    png(corruption_figure(model.name, found)),
                    f"Accuracy of {model.name} by corruption and severity, "
                    f"{corruption_title(found)}. Numbers: table below.",
                ),
                folded_table(corruption_cells(found), f"Table: {model.name}"),
            ]
    if parts:
        yield section("corruptions", "Corruptions", CORRUPTIONS, parts)
