"""Results on stdout and progress on stderr, for terminals and for files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dat_keras.comparison.results_table import Standings
    from dat_keras.evaluation.report import Report

Progress = Callable[[str, int, int], None]


def show(reports: Mapping[str, Report]) -> None:
    """Prints reports on stdout: drawn tables on a terminal, else text.

    One report is printed whole; several are compared.

    Args:
        reports: Reports by name of the classifier.
    """
    from dat_keras.comparison.results_table import comparison

    first = next(iter(reports.values()))
    cells = first.cells() if len(reports) == 1 else comparison(reports)
    _print_table(first.title(), cells)
    for name, report in reports.items():
        for note in report.notes():
            click.echo(note if len(reports) == 1 else f"{name}: {note}")


def show_standings(table: Standings) -> None:
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


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    from rich import progress as bars
    from rich.console import Console

    tasks: dict[str, bars.TaskID] = {}
    with bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("left"),
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as display:

        def tell(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = display.add_task(name, total=total)
            display.update(tasks[name], completed=done)

        yield tell
