"""The comparison of `dat-keras compare`, with TensorFlow loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from dat_keras.cli._console import progress, show_results_table
from dat_keras.cli._training_bar import TrainingBar
from dat_keras.comparison.compare import compare
from dat_keras.comparison.further_measures import FurtherMeasures
from dat_keras.comparison.grid import grid_of
from dat_keras.comparison.measured_norms import MeasuredNorms
from dat_keras.comparison.row_spec import RowSpec
from dat_keras.evaluation.progress import silent
from dat_keras.recipes import RECIPES
from dat_keras.training.fit_run import RunOptions
from dat_keras.utils.registry import lookup
from dat_keras.zoo.commands.load import load_model

CHOICE = (
    *("dataset", "architecture", "epochs", "batch_size"),
    *("limit", "validation_images"),
)
"""Options that pick and change the recipe of every row."""

EVALUATION = ("seeds", "attacks", "n_examples", "checkpoints")
"""Options that are fields of the grid."""

FURTHER = ("certify", "corruptions", "severities", "eot", "transfer")
"""Options that are fields of `FurtherMeasures`."""


def run_comparison(
    rows: Sequence[RowSpec],
    recipes: Sequence[str],
    settings: tuple[str, ...],
    data_dir: Path | None,
    output: Path | None,
    workers: int,
    **options: object,
) -> None:
    """Trains and evaluates the rows and prints their table."""
    for name in recipes:
        lookup(RECIPES, name, "recipe")
    choice = {name: options[name] for name in CHOICE}
    rest = {name: options[name] for name in EVALUATION}
    further: dict[str, Any] = {n: options[n] for n in FURTHER if options[n]}
    radii: Any = options["eps"]
    norms: Any = options["norms"]
    grid = grid_of(
        rows,
        choice,
        settings,
        **rest,
        further=FurtherMeasures(**further),
        norms=MeasuredNorms.of(norms, radii),
    )
    dataset = Path(grid.recipes[0].dataset).name
    terminal = sys.stderr.isatty()
    run_options = RunOptions(
        resume=bool(options["resume"]),
        overwrite=bool(options["overwrite"]),
        # Lines of several runs could not be told apart.
        verbose=2 if workers == 1 and not terminal else 0,
        callbacks=[TrainingBar()] if workers == 1 and terminal else [],
        # Unlike a lambda, this can be sent to another process.
        say=partial(click.echo, err=True),
        load_teacher=load_model,
    )
    output = output or Path("runs") / f"{dataset}-compare"
    table = compare(
        grid,
        output,
        data_dir=data_dir,
        options=run_options,
        workers=workers,
        display=progress if workers == 1 and terminal else silent,
    )
    show_results_table(table)
