"""What `dat-keras compare` does once TensorFlow is up."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from dat_keras.cli._console import show_standings
from dat_keras.comparison.compare import compare
from dat_keras.comparison.grid import grid_of
from dat_keras.training.train import RunOptions

CHOICE = ("dataset", "architecture", "epochs", "batch_size", "limit")
"""Options that pick and change the recipe of every method."""

EVALUATION = ("seeds", "attacks", "n_examples", "checkpoints")
"""Options that are fields of the grid."""


def run_comparison(
    methods: tuple[str, ...],
    settings: tuple[str, ...],
    data_dir: Path | None,
    output: Path | None,
    **options: object,
) -> None:
    """Carries out the grid and prints its table."""
    choice = {name: options[name] for name in CHOICE}
    rest = {name: options[name] for name in EVALUATION}
    grid = grid_of(methods, choice, settings, **rest)
    dataset = Path(grid.recipes[0].dataset).name
    run_options = RunOptions(
        resume=bool(options["resume"]),
        overwrite=bool(options["overwrite"]),
        verbose=2,
        # Unlike a lambda, this can be sent to another process.
        say=partial(click.echo, err=True),
    )
    output = output or Path("runs") / f"{dataset}-compare"
    show_standings(
        compare(grid, output, data_dir=data_dir, options=run_options)
    )
