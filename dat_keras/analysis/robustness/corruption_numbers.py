"""Accuracies on corrupted images, as a table and in words."""

from __future__ import annotations

from dat_keras.analysis.html_page import Cells
from dat_keras.corruptions import STANDARD
from dat_keras.evaluation.corruption_report import CorruptionReport


def corruption_cells(report: CorruptionReport) -> Cells:
    """Returns natural accuracy by corruption and severity, with the mean.

    Args:
        report: The accuracies.

    Example:
    >>> from dat_keras.evaluation.corruption_report import CorruptedAccuracy
    >>> rows = (CorruptedAccuracy("fog", 3, {"natural": 7}),)
    >>> report = CorruptionReport(rows, 10, "cifar10", ("natural",))
    >>> for row in corruption_cells(report):
    ...     print(row)
    ['corruption', 'severity 3', 'mean', 'mean error']
    ['fog', '70.0 %', '70.0 %', '30.0 %']
    ['mean corruption error', '', '', '30.0 %']
    """
    severities = [f"severity {each}" for each in report.severities]
    table = [["corruption", *severities, "mean", "mean error"]]
    for name in report.corruptions:
        mean = report.accuracy(name)
        shares = [report.accuracy(name, each) for each in report.severities]
        shares += [mean, 1 - mean]
        table.append([name, *(f"{100 * share:.1f} %" for share in shares)])
    blank = [""] * (len(severities) + 1)
    error = f"{100 * report.mean_corruption_error():.1f} %"
    return [*table, ["mean corruption error", *blank, error]]


def corruption_title(report: CorruptionReport) -> str:
    """Returns what was measured, in one line.

    Args:
        report: The accuracies.
    """
    severities = ", ".join(map(str, report.severities))
    return (
        f"natural accuracy, {report.n_examples} images with each corruption, "
        f"severities {severities}, parameters {report.table}, "
        f"seed {report.seed}"
    )


def corruption_finding(report: CorruptionReport) -> str:
    """Returns the mean corruption error and the worst corruption, in words.

    Args:
        report: The accuracies.
    """
    counted = [name for name in report.corruptions if name in STANDARD]
    what = "standard" if counted else "extra"
    worst = min(report.corruptions, key=report.accuracy)
    return (
        f"mean corruption error {100 * report.mean_corruption_error():.1f} % "
        f"over {len(counted or report.corruptions)} {what} corruptions; least "
        f"accurate: {worst}, {100 * report.accuracy(worst):.1f} %"
    )
