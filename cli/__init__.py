"""The `dat-keras` command. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import click

from dat_keras.cli._errors import OneLineErrors
from dat_keras.cli.bench import bench
from dat_keras.cli.compare import compare
from dat_keras.cli.evaluate import evaluate
from dat_keras.cli.export import export
from dat_keras.cli.import_torch import import_torch
from dat_keras.cli.info import info
from dat_keras.cli.list import list_models
from dat_keras.cli.pull import pull
from dat_keras.cli.push import push
from dat_keras.cli.train import train
from dat_keras.utils.version import __version__


@click.group(cls=OneLineErrors, context_settings={"max_content_width": 88})
@click.version_option(__version__, prog_name="dat-keras")
def main() -> None:
    """Train image classifiers that resist attacks, and measure how well."""


for _command in (
    train,
    evaluate,
    compare,
    bench,
    push,
    pull,
    list_models,
    info,
    import_torch,
    export,
):
    main.add_command(_command)
