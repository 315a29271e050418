"""Names the command that trains and evaluates a table of the paper.

    dat-keras compare $(python -m benchmarks.reproduce cifar10-resnet18)

`make reproduce TABLE=cifar10-resnet18` runs it for `MINUTES` (default 60) and
stops at a checkpoint; the same command goes on from there. Its last output is
the table, also in `runs/reproduce-TABLE/table.md`.
"""

from __future__ import annotations

import shlex

import click

from dat_keras.recipes.paper import ARCHITECTURES, SCHEDULES
from dat_keras.utils.registry import lookup

ROWS = (
    *("natural", "pgd-at", "trades", "mart", "st", "scarl", "las-at"),
    *("las-trades", "oa-at", "dajat", "idbh", "dat"),
)
"""Methods of the paper's tables that need no teacher."""

TABLES = {
    f"{dataset}-{architecture}": (dataset, architecture)
    for dataset in SCHEDULES
    for architecture in ARCHITECTURES
}
"""Data set and network of each table, by name."""

ATTACKS = "natural,fgsm,pgd20,pgd100,cw,autoattack"


def options(table: str, methods: tuple[str, ...] = ROWS) -> list[str]:
    """Returns the options of `dat-keras compare` for a table.

    Args:
        table: Key of `TABLES`.
        methods: The rows.

    Example:
    >>> options("cifar10-resnet18", ("pgd-at", "dat"))[:4]
    ['--recipe', 'pgd-at-cifar10-resnet18', '--recipe', 'dat-cifar10-resnet18']
    """
    lookup(TABLES, table, "table")
    rows = [part for m in methods for part in ("--recipe", f"{m}-{table}")]
    return [
        *rows,
        *("--checkpoint", "best,last", "--attack", ATTACKS),
        *("--output", f"runs/reproduce-{table}", "--resume"),
    ]


@click.command()
@click.argument("table")
@click.option("--method", "methods", multiple=True, default=ROWS)
def main(table: str, methods: tuple[str, ...]) -> None:
    """Prints the options of TABLE, such as cifar10-resnet18."""
    try:
        click.echo(shlex.join(options(table, methods)))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


if __name__ == "__main__":
    main()
