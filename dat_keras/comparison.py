"""Several reports side by side: one row a classifier, one column an attack."""

from __future__ import annotations

from collections.abc import Mapping

from dat_keras.report import Report, Row


def comparison(reports: Mapping[str, Report]) -> list[list[str]]:
    """The cells of a table that compares classifiers, its header first.

    Args:
        reports: Reports by name of the classifier. Attacks that a report
            lacks stay empty.

    Returns:
        Accuracies in percent as text, row by row, with 95 % intervals where
        not all images of the data were taken.

    Example:
    >>> rows = Row("natural", "", (False,)), Row("fgsm", "", (True,))
    >>> report = Report(
    ...     rows, "0" * 64, "toy", "1" * 64, True, "linf", 8 / 255,
    ...     "strict", 0, 2, (), {},
    ... )
    >>> comparison({"net": report})
    [['model', 'natural', 'fgsm'], ['net', '100.00 %', '0.00 %']]
    """
    names = dict.fromkeys(
        row.name for report in reports.values() for row in report.rows
    )
    table = [["model", *names]]
    for model, report in reports.items():
        found = {row.name: _cell(row, report.whole) for row in report.rows}
        table.append([model, *(found.get(name, "") for name in names)])
    return table


def _cell(row: Row, whole: bool) -> str:
    low, high = (100 * end for end in row.interval)
    interval = "" if whole else f" ({low:.1f} - {high:.1f})"
    return f"{100 * row.accuracy:.2f} %{interval}"
