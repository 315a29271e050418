"""Figures of certified accuracy: beside attacks, or by certified radius."""

from __future__ import annotations

from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import (
    BLUE,
    GREEN,
    GREY,
    SKY,
    new_figure,
    percent_axis,
    wrapped,
)
from dat_keras.analysis.robustness.bars import accuracy_bars
from dat_keras.analysis.robustness.certified_accuracies import (
    CertifiedAccuracy,
)
from dat_keras.analysis.robustness.figures import WIDTH, plain_axis
from dat_keras.utils.norms import RADIUS_UNITS


def certificate_figure(name: str, found: CertifiedAccuracy) -> Figure:
    """Certified accuracy by radius, or in one ball beside attacks.

    Args:
        name: Name of the classifier.
        found: What was certified.
    """
    draw = _radii if found.radii else _bars
    figure: Figure = draw(found)
    figure.suptitle(wrapped(name, 44), fontsize=10)
    return figure


def _bars(found: CertifiedAccuracy) -> Figure:
    rows = found.rows()
    caption = (
        f"{found.title()}. Hatched: proven, a lower bound of robust accuracy; "
        "attacks give upper bounds. Whiskers: 95 % Wilson interval."
    )
    figure = new_figure(WIDTH, 1.7 + 0.36 * len(rows), caption)
    accuracy_bars(
        figure.subplots(),
        [label for label, _ in rows],
        [left for _, left in rows],
        found.n_examples,
        [SKY] * (len(rows) - 1) + [GREEN],
        [""] * (len(rows) - 1) + [".."],
    )
    return figure


def _radii(found: CertifiedAccuracy) -> Figure:
    unit = RADIUS_UNITS[found.norm]
    places, shares = found.curve()
    most = max(places[-1], found.eps)
    caption = f"{found.title()}. The smoothed classifier; dashed: eps."
    figure = new_figure(WIDTH, 3.2, caption)
    axis = figure.subplots()
    axis.plot(
        [unit.per_one * place for place in (*places, 1.05 * most)],
        [100 * share for share in (*shares, shares[-1])],
        drawstyle="steps-post",
        color=BLUE,
        linewidth=1.4,
    )
    axis.axvline(
        unit.per_one * found.eps, color=GREY, linestyle="--", linewidth=1
    )
    axis.set_xlim(0, 1.05 * unit.per_one * most)
    axis.set_xlabel(unit.axis)
    percent_axis(axis, "certified accuracy (%)")
    plain_axis(axis)
    return figure
