"""Figure of accuracy by corruption and severity."""

from __future__ import annotations

from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import new_figure, wrapped
from dat_keras.analysis.robustness.corruption_numbers import corruption_title
from dat_keras.analysis.robustness.figures import WIDTH
from dat_keras.analysis.robustness.heat_map import heat_map
from dat_keras.corruptions import STANDARD
from dat_keras.evaluation.corruption_report import CorruptionReport


def corruption_figure(name: str, report: CorruptionReport) -> Figure:
    """Natural accuracy, a row for each corruption, a column for each severity.

    Args:
        name: Name of the classifier.
        report: The accuracies.
    """
    names, severities = report.corruptions, report.severities
    shares = [
        [100 * report.accuracy(each, s) for s in (*severities, None)]
        for each in names
    ]
    extra = [each for each in names if each not in STANDARD]
    caption = corruption_title(report)
    if 0 < len(extra) < len(names):
        caption += ". Those below the line are not in the mean corruption error"
    figure = new_figure(WIDTH, 2.0 + 0.26 * len(names), f"{caption}.")
    figure.suptitle(wrapped(name, 44), fontsize=10)
    axis = figure.subplots()
    heat_map(axis, shares, "accuracy (%)", most=len(names), aspect="auto")
    axis.axvline(len(severities) - 0.5, color="white", linewidth=2)
    if 0 < len(extra) < len(names):
        axis.axhline(len(names) - len(extra) - 0.5, color="white", linewidth=2)
    axis.set_xticks(range(len(severities) + 1), [*map(str, severities), "mean"])
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(labelsize=8, length=0)
    axis.set_xlabel("severity", fontsize=8)
    return figure
