"""Results on stdout and progress on stderr, for terminals and for files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dat_keras.report import Report

Progress = Callable[[str, int, int], None]


def show(report: Report) -> None:
    """Prints a report on stdout: a drawn table on a terminal, else text.

    Args:
        report: The report.
    """
    if not sys.stdout.isatty():
        click.echo(str(report))
        return
    from rich.console import Console
    from rich.table import Table

    header, *rows = report.cells()
    table = Table(title=report.title(), title_justify="left")
    table.add_column(header[0])
    for name in header[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    for note in report.notes():
        click.echo(note)


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
