"""Figures of numbers: training curves, classes, breaking radii.

They are narrow, so that their text can be read on a phone.
"""

from __future__ import annotations

import re
from dataclasses import asdict

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dat_keras.analysis.plot_style import (
    BLUE,
    GREY,
    ORANGE,
    new_figure,
    percent_axis,
    series,
    wrapped,
)
from dat_keras.analysis.robustness.heat_map import MOST_NUMBERS, heat_map
from dat_keras.analysis.robustness.model_robustness import (
    ModelRobustness,
    radius_text,
)
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers
from dat_keras.analysis.robustness.run_record import RunRecord
from dat_keras.utils.extra_text import described_extra
from dat_keras.utils.norms import RADIUS_UNITS

WIDTH = 4.6
"""In inches."""
MOST_CLASSES = 20
"""Bars of a figure of classes."""


def training_caption(record: RunRecord) -> str:
    """Returns what the curves of a training were measured on.

    Args:
        record: Recipe and history of the run.
    """
    recipe, attack = record.recipe, repr(record.recipe.eval_attack)
    count = recipe.validation_images or (
        recipe.limit and max(recipe.limit, 100)
    )
    extra = described_extra(asdict(recipe.extra))
    return (
        f"{recipe.dataset}{extra and f', {extra}'}, seed {recipe.seed}. val_: "
        f"{f'at most {count}' if count else 'all'} validation images; "
        f"val_robust_accuracy and val_loss under {_short(attack)}."
    )


def _short(settings: str) -> str:
    """Settings whose radii are written in parts of 255."""
    return re.sub(
        r"\d+\.\d{5,}", lambda found: radius_text(float(found[0])), settings
    )


def training_figure(name: str, record: RunRecord) -> Figure:
    """Terms of the loss above, accuracies below, by epoch.

    Args:
        name: Name of the run.
        record: Its history.
    """
    figure = new_figure(WIDTH, 5.6, training_caption(record))
    figure.suptitle(wrapped(name, 44), fontsize=10)
    above, below = figure.subplots(2, 1, sharex=True)
    epochs = record.column("epoch")
    _lines(above, epochs, {n: record.column(n) for n in record.terms})
    above.set_ylabel("loss and its terms")
    shares = {
        n: [100 * value for value in record.column(n)]
        for n in record.accuracies
    }
    _lines(below, epochs, shares)
    percent_axis(below)
    below.set_xlabel("epoch")
    below.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def class_figure(report: RobustnessNumbers, model: ModelRobustness) -> Figure:
    """Accuracy of each class, clean and attacked; of many, the least robust.

    Args:
        report: The numbers.
        model: Those of one classifier.
    """
    totals = model.clean.totals
    classes = [i for i, total in enumerate(totals) if total]
    classes.sort(key=lambda i: (model.attacked.right[i] / totals[i], i))
    hidden = len(classes) - MOST_CLASSES
    shown = classes[:MOST_CLASSES]
    caption = report.title() + (
        f". The {MOST_CLASSES} least robust of {len(classes)} classes."
        if hidden > 0
        else "."
    )
    figure = new_figure(WIDTH, 1.7 + 0.3 * len(shown), caption)
    axis = figure.subplots()
    axis.set_title(wrapped(model.name, 44), fontsize=10)
    for shift, label, color, hatch, found in (
        (-0.2, "clean", BLUE, "", model.clean),
        (0.2, "attacked", ORANGE, "//", model.attacked),
    ):
        axis.barh(
            [place + shift for place in range(len(shown))],
            [100 * found.right[i] / totals[i] for i in shown],
            height=0.38,
            color=color,
            hatch=hatch,
            edgecolor="white",
            label=label,
        )
    names = [wrapped(report.class_names[i], 18) for i in shown]
    axis.set_yticks(range(len(shown)), names, fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.set_xlabel("accuracy (%)")
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return figure


def confusion_figure(
    report: RobustnessNumbers, model: ModelRobustness
) -> Figure:
    """Which class is taken for which, clean above and attacked below.

    Args:
        report: The numbers.
        model: Those of one classifier.
    """
    caption = f"{report.title()}. Shares of each true class."
    figure = new_figure(WIDTH, 8.6, caption)
    figure.suptitle(wrapped(model.name, 44), fontsize=10)
    names = [wrapped(name, 12) for name in report.class_names]
    for axis, title, found in zip(
        figure.subplots(2, 1),
        ("clean", f"attacked, {report.norm}"),
        (model.clean, model.attacked),
        strict=True,
    ):
        shares = [
            [100 * n / max(1, total) for n in row]
            for row, total in zip(found.counts, found.totals, strict=True)
        ]
        heat_map(axis, shares, "% of the true class", fontsize=6, least=0.5)
        axis.set_title(title, fontsize=9)
        axis.set_ylabel("true class", fontsize=8)
        axis.set_xlabel("taken for", fontsize=8)
        if len(names) <= MOST_NUMBERS:
            axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
            axis.set_yticks(range(len(names)), names, fontsize=7)
    return figure


def breaking_figure(
    report: RobustnessNumbers, model: ModelRobustness
) -> Figure:
    """Share of images that are broken by each radius, from the bisection.

    Args:
        report: The numbers.
        model: Those of one classifier; some of its images are right.
    """
    unit = RADIUS_UNITS[report.norm]
    radii = [each.eps for each in model.breaking if each.eps is not None]
    count = len(model.breaking)
    caption = (
        f"The first {count} images of {report.data} that are right; smallest "
        f"{report.norm} eps at which PGD-20 breaks them, in steps of "
        f"{unit.text(model.step)}; "
        f"seed {report.seed}."
    )
    figure = new_figure(WIDTH, 3.2, caption)
    figure.suptitle(wrapped(model.name, 44), fontsize=10)
    axis = figure.subplots()
    places = [0.0, *(unit.per_one * eps for eps in (*radii, model.limit))]
    heights = [100 * i / count for i in range(len(radii) + 1)]
    axis.step(places, [*heights, heights[-1]], where="post", color=BLUE)
    eps = unit.per_one * report.eps
    axis.axvline(eps, color=GREY, linestyle="--", linewidth=1)
    axis.set_xlabel(unit.axis)
    axis.set_xlim(0, unit.per_one * model.limit)
    percent_axis(axis, "broken (%)")
    plain_axis(axis)
    return figure


def _lines(axis: Axes, x: list[float], columns: dict[str, list]) -> None:
    for (label, y), look in zip(
        columns.items(), series(len(columns)), strict=True
    ):
        axis.plot(x, y, label=label, linewidth=1.3, **look)
    plain_axis(axis)
    axis.legend(fontsize=7, loc="best", framealpha=0.7)


def plain_axis(axis: Axes) -> None:
    """Leaves horizontal lines, and no frame above and to the right."""
    axis.grid(axis="y", color="#d0d7de", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
