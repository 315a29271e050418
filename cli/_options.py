"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from dat_keras.cli import _complete
from dat_keras.cli._names import CERTIFIERS
from dat_keras.utils.run_folder import WEIGHTS

sources_argument = click.argument(
    "sources",
    metavar="RUN_OR_MODEL",
    nargs=-1,
    required=True,
    shell_complete=_complete.sources,
)
"""One or several runs, files or names of models."""
weights_option = click.option(
    "--weights",
    type=click.Choice(WEIGHTS),
    default="best",
    show_default=True,
    help="Weights of a run folder: best on validation, of the last epoch, or "
    "of the last one before catastrophic overfitting.",
)
batch_size_option = click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    help="Images per batch.",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the random draws.",
)
eot_option = click.option(
    "--eot",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Average logits and gradients over N passes, for a model that draws "
    "random numbers (expectation over transformations).",
)


def certify_options(command: Callable) -> Callable:
    """Adds `--certify`, `--sigma` and `--draws` to a command."""
    command = click.option(
        "--draws",
        type=click.IntRange(1),
        help="Noise samples for each image of smoothing.  [default: 100000]",
    )(command)
    command = click.option(
        "--sigma",
        type=click.FloatRange(0.0, min_open=True),
        help="Standard deviation of smoothing's noise.",
    )(command)
    return click.option(
        "--certify",
        type=click.Choice(list(CERTIFIERS)),
        help="Also prove images robust: bounds of the model (linf), or "
        "randomised smoothing with --sigma (l2).",
    )(command)


def data_options(whose: str) -> Callable[[Callable], Callable]:
    """Returns what adds `--dataset` and `--data-dir` to a command.

    Args:
        whose: Whose data set is the default, in words.
    """

    def add(command: Callable) -> Callable:
        command = click.option(
            "--data-dir", type=Path, help="Folder of prepared data sets."
        )(command)
        return click.option(
            "--dataset",
            shell_complete=_complete.datasets,
            help=f"Data set.  [default: {whose} own]",
        )(command)

    return add
