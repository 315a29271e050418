"""Figures of accuracy: by radius, and after each part of AutoAttack."""

from __future__ import annotations

from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import (
    intervals_of,
    new_figure,
    percent_axis,
    series,
    wrapped,
)
from dat_keras.analysis.robustness.bars import accuracy_bars
from dat_keras.analysis.robustness.figures import WIDTH, plain_axis
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers
from dat_keras.analysis.robustness.survivors import Survivors
from dat_keras.utils.norms import RADIUS_UNITS


def radius_figure(report: RobustnessNumbers) -> Figure:
    """Accuracy against the radius, without the ball that holds every image.

    Args:
        report: The numbers.
    """
    shown = [point.eps for point in report.models[0].curve[:-1]]
    unit = RADIUS_UNITS[report.norm]
    radii = f"0 to {unit.text(shown[-1])}"
    caption = f"{report.title(radii)}. Bars: 95 % Wilson interval."
    rows = sum(1 + bool(model.apgd) for model in report.models)
    figure = new_figure(WIDTH, 3.3 + 0.22 * rows, caption)
    axis = figure.subplots()
    looks = series(len(report.models))
    for model, look in zip(report.models, looks, strict=True):
        counts = [point.correct for point in model.curve[:-1]]
        heights, errors = intervals_of(counts, report.n_examples)
        axis.errorbar(
            [unit.per_one * eps for eps in shown],
            heights,
            errors,
            label=wrapped(model.name, 50),
            capsize=2,
            linewidth=1.4,
            **look,
        )
        if model.apgd:
            counts = [point.correct for point in model.apgd]
            heights, errors = intervals_of(counts, report.n_examples)
            axis.errorbar(
                [unit.per_one * point.eps for point in model.apgd],
                heights,
                errors,
                label=wrapped(f"{model.name}, then APGD", 50),
                capsize=4,
                **{**look, "linestyle": "none", "markersize": 8},
                markerfacecolor="none",
            )
    axis.set_xlabel(unit.axis)
    percent_axis(axis)
    plain_axis(axis)
    figure.legend(loc="outside upper center", fontsize=8)
    return figure


def survivor_figure(name: str, run: Survivors) -> Figure:
    """Accuracy after each part of AutoAttack.

    Args:
        name: Name of the classifier.
        run: What each part left.
    """
    caption = f"{run.title()}. Whiskers: 95 % Wilson interval."
    figure = new_figure(WIDTH, 1.4 + 0.36 * len(run.parts), caption)
    figure.suptitle(wrapped(name, 44), fontsize=10)
    axis = figure.subplots()
    labels = [
        label if i == 0 else f"+ {label}"
        for i, (label, _) in enumerate(run.parts)
    ]
    counts = [left for _, left in run.parts]
    accuracy_bars(axis, labels, counts, run.n_examples)
    axis.set_xlabel("accuracy left (%)")
    return figure
