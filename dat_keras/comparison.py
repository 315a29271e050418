"""Several reports side by side: one row a classifier, one column an attack."""

from __future__ import annotations

from collections.abc import Mapping

from dat_keras.report import Report


def comparison(reports: Mapping[str, Report]) -> list[list[str]]:
    """The cells of a table that compares classifiers, its header first.

    Args:
        reports: Reports by name of the classifier. Attacks that a report
            lacks stay empty.

    Returns:
        Accuracies in percent as text, row by row.

    Example:
    >>> from dat_keras.report import Row
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
        found = {r.name: f"{100 * r.accuracy:.2f} %" for r in report.rows}
        table.append([model, *(found.get(name, "") for name in names)])
    return table
