"""All figures of a robustness report that are made of its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from dat_keras.analysis.robustness.accuracy_figures import (
    radius_figure,
    survivor_figure,
)
from dat_keras.analysis.robustness.certificate_figure import (
    certificate_figure,
)
from dat_keras.analysis.robustness.corruption_figure import corruption_figure
from dat_keras.analysis.robustness.distance_figure import distance_figure
from dat_keras.analysis.robustness.distance_numbers import distance_runs
from dat_keras.analysis.robustness.figures import (
    breaking_figure,
    class_figure,
    confusion_figure,
    training_figure,
)
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers
from dat_keras.analysis.robustness.transfer_figure import transfer_figure
from dat_keras.analysis.robustness.union_figure import union_figure


def number_figures(report: RobustnessNumbers) -> Iterator[Figure]:
    """Yields the figures in the order of the page.

    Args:
        report: The numbers.
    """
    for name, record in report.runs.items():
        if record.rows:
            yield training_figure(name, record)
    yield radius_figure(report)
    runs = distance_runs(report.models)
    for norm in dict.fromkeys(run.norm for _, run in runs):
        yield distance_figure(report, norm)
    if report.transfer is not None:
        yield transfer_figure(report.transfer)
    for model in report.models:
        for union in model.unions:
            yield union_figure(model.name, union)
        for proven in model.certificates:
            yield certificate_figure(model.name, proven)
        for found in model.corruptions:
            yield corruption_figure(model.name, found)
        for run in model.autoattack:
            yield survivor_figure(model.name, run)
        yield class_figure(report, model)
        yield confusion_figure(report, model)
        if model.breaking:
            yield breaking_figure(report, model)
