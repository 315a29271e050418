"""Tables on stdout and progress on stderr, for terminals and for files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich import progress as bars
    from rich.console import Console

    from dat_keras.comparison.paired_differences import PairedDifferences
    from dat_keras.comparison.results_table import ResultsTable
    from dat_keras.evaluation.report import Report
    from dat_keras.evaluation.transfer import TransferMatrix
    from dat_keras.evaluation.union_report import UnionReport

Progress = Callable[[str, int, int], None]


def show_table(
    report: Report | UnionReport | TransferMatrix | PairedDifferences,
) -> None:
    """Prints table and notes on stdout: drawn on a terminal, else text.

    Args:
        report: What was measured.
    """
    _print_table(report.title(), report.cells())
    for note in report.notes():
        click.echo(note)


def show(report: Report | UnionReport) -> None:
    """Prints a report, and the tables that follow it.

    Args:
        report: The report.
    """
    show_table(report)
    for table in report.further:
        _print_table(table.title(), table.cells())


def show_comparison(
    reports: Mapping[str, Report], models: Mapping[str, str]
) -> None:
    """Prints reports as one table, a row each.

    What they have in common is the title; what differs, such as the data set
    or the radius, is a column.

    Args:
        reports: The reports by name.
        models: What the first column calls them, by the same names.
    """
    from dat_keras.comparison.results_table import compare_reports

    title, columns = _settings(list(reports.values()))
    header, *rows = compare_reports(reports)
    cells = [[header[0], *columns, *header[1:]]]
    for i, (name, row) in enumerate(zip(reports, rows, strict=True)):
        settings = [column[i] for column in columns.values()]
        cells.append([models[name], *settings, *row[1:]])
    _print_table(title, cells)
    for name, report in reports.items():
        for note in report.notes():
            click.echo(f"{name}: {note}")
        for table in report.further:
            _print_table(f"{name}: {table.title()}", table.cells())


def show_unions(
    reports: Mapping[str, UnionReport], models: Mapping[str, str]
) -> None:
    """Prints reports of unions of norms, a table each.

    Args:
        reports: The reports by name.
        models: What the title calls them, by the same names.
    """
    for name, report in reports.items():
        _print_table(f"{models[name]}: {report.title()}", report.cells())
        for note in report.notes():
            click.echo(f"{name}: {note}")


def _settings(reports: list[Report]) -> tuple[str, dict[str, list[str]]]:
    """The settings that all reports share, and the others as columns."""
    from dat_keras.utils.norms import pixel_fraction

    images = {(r.data, r.n_examples, r.data_fingerprint) for r in reports}
    names = {(r.data, r.n_examples) for r in reports}
    mark = len(names) < len(images)
    fields = {
        "data": [
            f"{'all' if r.whole else 'first'} {r.n_examples} of {r.data}"
            + (f" ({r.data_fingerprint[:8]})" if mark else "")
            for r in reports
        ],
        "norm": [r.norm for r in reports],
        "eps": [pixel_fraction(r.eps) for r in reports],
        "protocol": [r.protocol for r in reports],
        "seed": [str(r.seed) for r in reports],
    }
    columns = {n: texts for n, texts in fields.items() if len(set(texts)) > 1}
    if not columns:
        return reports[0].title(), {}
    shared = [
        texts[0] if name in ("data", "norm") else f"{name} {texts[0]}"
        for name, texts in fields.items()
        if name not in columns
    ]
    return ", ".join(shared), columns


def show_results_table(table: ResultsTable) -> None:
    """Prints a table of methods on stdout, the best of each column marked.

    Args:
        table: The table.
    """
    if not sys.stdout.isatty():
        click.echo(table.text())
        return
    from dat_keras.utils.text_table import marked

    bold = marked(
        table.cells(), table.bold(), lambda text: f"[bold]{text}[/bold]"
    )
    _draw_table(table.title, bold)
    for note in table.notes:
        click.echo(note)


def _print_table(title: str, cells: list[list[str]]) -> None:
    if sys.stdout.isatty():
        _draw_table(title, cells)
        return
    from dat_keras.utils.text_table import plain

    click.echo(f"{title}\n{plain(cells)}")


def _draw_table(title: str, cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    header, *rows = cells
    table = Table(title=title, title_justify="left")
    table.add_column(header[0])
    for name in header[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Opens a display of progress on stderr.

    On a terminal it is a bar with the time left; elsewhere one line when a
    task is done, so that a log stays short.

    Yields:
        A function of a task's name, what is done of it, and how much it is.
    """
    opened = _bars if sys.stderr.isatty() else _lines
    with opened() as tell:
        yield tell


@contextlib.contextmanager
def _lines() -> Iterator[Progress]:
    began = time.monotonic()

    def tell(name: str, done: int, total: int) -> None:
        nonlocal began
        if done == total:
            now = time.monotonic()
            click.echo(f"{name}: {total} images, {now - began:.1f} s", err=True)
            began = now

    yield tell


def opened_bars(console: Console | None = None) -> bars.Progress:
    """Returns rich's display of bars, narrow enough for 80 columns.

    A spinner moves where nothing is counted yet, as while a graph compiles.

    Args:
        console: The terminal. Default: stderr.
    """
    from rich import progress as bars
    from rich.console import Console
    from rich.table import Column

    return bars.Progress(
        bars.SpinnerColumn("line"),
        bars.TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(
                no_wrap=True, overflow="ellipsis", max_width=32
            ),
        ),
        bars.BarColumn(bar_width=14),
        bars.MofNCompleteColumn(),
        bars.TextColumn("left"),
        bars.TimeRemainingColumn(),
        console=console or Console(stderr=True),
        transient=True,
    )


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    tasks: dict[str, bars.TaskID] = {}
    with opened_bars() as display:
        first = display.add_task("compiling", total=None)

        def tell(name: str, done: int, total: int) -> None:
            display.update(first, visible=False)
            if name not in tasks:
                tasks[name] = display.add_task(name, total=total)
            display.update(tasks[name], completed=done)

        yield tell
