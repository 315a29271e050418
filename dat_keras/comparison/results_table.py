"""Tables of results: a row per classifier or method, a column per measure.

`compare_reports` makes one of single reports, `ResultsTable` of results over
several seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult
from dat_keras.utils.text_table import (
    comma_separated,
    latex,
    markdown,
    marked,
    plain,
)


def compare_reports(reports: Mapping[str, Report]) -> list[list[str]]:
    """The cells of a table that compares classifiers, its header first.

    Args:
        reports: Reports by name of the classifier. Attacks that a report
            lacks stay empty.

    Returns:
        Accuracies in percent as text, row by row, with 95 % intervals where
        not all images of the data were taken.

    Example:
    >>> natural = AttackResult("natural", "", (False,))
    >>> fgsm = AttackResult("fgsm", "", (True,))
    >>> report = Report(
    ...     (natural, fgsm), "0" * 64, "toy", "1" * 64, True, "linf", 8 / 255,
    ...     "strict", 0, 2, (), {},
    ... )
    >>> compare_reports({"net": report})
    [['model', 'natural', 'fgsm'], ['net', '100.00 %', '0.00 %']]
    """
    names = dict.fromkeys(
        row.name for report in reports.values() for row in report.measured
    )
    table = [["model", *names]]
    for model, report in reports.items():
        whole = report.whole and report.shard is None
        found = {row.name: _cell(row, whole) for row in report.measured}
        table.append([model, *(found.get(name, "") for name in names)])
    return table


def _cell(row: AttackResult | Certificate, whole: bool) -> str:
    low, high = (100 * end for end in row.interval)
    interval = "" if whole else f" ({low:.1f} - {high:.1f})"
    return f"{100 * row.accuracy:.2f} %{interval}"


@dataclass(frozen=True)
class Column:
    """One measure of several methods, each measured once a seed.

    Args:
        name: Head of the column.
        values: For each row its values; none where it was not measured.
        digits: Digits after the point.
        highest_wins: Whether the highest mean is the best; `False` for a
            column without a best value.

    Example:
    >>> Column("pgd20", ((40.0, 42.0), (39.5,)), highest_wins=True).texts()
    ['41.00±1.41', '39.50']
    """

    name: str
    values: Sequence[Sequence[float]]
    digits: int = 2
    highest_wins: bool = False

    def texts(self) -> list[str]:
        """Returns `mean±std` of each row, of one value the value alone."""
        means = zip(self.means(), self.deviations(), strict=True)
        return [
            f"{mean}±{std}" if mean and std else mean or "-"
            for mean, std in means
        ]

    def means(self) -> list[str]:
        """Returns the mean of each row, rounded, as text."""
        return [
            f"{statistics.fmean(row):.{self.digits}f}" if row else ""
            for row in self.values
        ]

    def deviations(self) -> list[str]:
        """Returns each row's standard deviation, of a sample of seeds."""
        return [
            f"{statistics.stdev(row):.{self.digits}f}" if len(row) > 1 else ""
            for row in self.values
        ]

    def best(self) -> set[int]:
        """Returns the rows of the best mean, equal ones all."""
        means = {i: float(m) for i, m in enumerate(self.means()) if m}
        if not self.highest_wins or not means:
            return set()
        return {i for i, m in means.items() if m == max(means.values())}


@dataclass(frozen=True)
class ResultsTable:
    """A table of methods, as the paper prints it.

    Args:
        title: What was measured.
        names: Names of the rows.
        columns: The measures.
        notes: Lines below the table.

    Example:
    >>> column = Column("pgd20", ((40.0,), (41.0,)), highest_wins=True)
    >>> print(ResultsTable("one seed", ("trades", "dat"), (column,)).text())
    one seed
    method      pgd20
    trades      40.00
    dat        *41.00
    """

    title: str
    names: Sequence[str]
    columns: Sequence[Column]
    notes: Sequence[str] = ()

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first."""
        heads = [["method", *self.names]]
        rest = [[column.name, *column.texts()] for column in self.columns]
        return [list(row) for row in zip(*heads, *rest, strict=True)]

    def bold(self) -> set[tuple[int, int]]:
        """Returns row and column of the best cell of each column."""
        return {
            (row + 1, place)
            for place, column in enumerate(self.columns, 1)
            for row in column.best()
        }

    def text(self) -> str:
        """Returns plain text; `*` marks the best of a column."""
        cells = marked(self.cells(), self.bold(), lambda text: f"*{text}")
        return "\n".join([self.title, plain(cells), *self.notes])

    def markdown(self) -> str:
        """Returns a Markdown table, the best of a column in bold."""
        cells = marked(self.cells(), self.bold(), lambda text: f"**{text}**")
        notes = [f"\n{note}" for note in self.notes]
        return "\n".join([f"{self.title}\n", markdown(cells), *notes])

    def latex(self) -> str:
        """Returns a LaTeX `tabular`, the best of a column in bold."""
        notes = [f"% {line}" for line in (self.title, *self.notes)]
        return "\n".join([*notes, latex(self.cells(), self.bold())])

    def csv(self) -> str:
        """Returns CSV with a column of its own for each deviation."""
        columns = [["method", *self.names]]
        for column in self.columns:
            columns.append([column.name, *column.means()])
            if any(column.deviations()):
                columns.append([f"{column.name} std", *column.deviations()])
        return comma_separated(list(zip(*columns, strict=True)))
