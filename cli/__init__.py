"""The `dat-keras` command. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import click

from dat_keras.cli._errors import OneLineErrors
from dat_keras.cli.analyze import analyze
from dat_keras.cli.bench import bench
from dat_keras.cli.compare import compare
from dat_keras.cli.compare_reports import compare_reports
from dat_keras.cli.evaluate import evaluate
from dat_keras.cli.export import export
from dat_keras.cli.import_torch import import_torch
from dat_keras.cli.info import info
from dat_keras.cli.list import list_models
from dat_keras.cli.merge_reports import merge_reports
from dat_keras.cli.pull import pull
from dat_keras.cli.push import push
from dat_keras.cli.report import report
from dat_keras.cli.train import train
from dat_keras.cli.transfer import transfer
from dat_keras.utils.runtime import share_arenas
from dat_keras.utils.version import __version__

EXIT_CODES = """\b
Exit codes:
  0    done, or nothing to do
  1    unexpected: a bug, or the operating system refuses
  2    usage, a malformed name, a missing optional package
  3    repository, revision, file or name not found
  4    no token, a bad one, no right, or a gated model
  5    network, server, or offline without a cached copy
  6    content refused: damaged, hostile, or not a model
  7    refused to overwrite, or the repository changed meanwhile
  8    the training diverged
  9    an accuracy is lower than --fail-under
  10   another process of a multi-worker training has ended
  130  interrupted (Ctrl-C)
  143  ended by SIGTERM; a training has saved its state
"""

SETTINGS = {"max_content_width": 88, "help_option_names": ["-h", "--help"]}


@click.group(cls=OneLineErrors, context_settings=SETTINGS, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="dat-keras")
def main() -> None:
    """Train image classifiers that resist attacks, and measure how well."""
    share_arenas()


for _command in (
    train,
    evaluate,
    transfer,
    analyze,
    report,
    merge_reports,
    compare,
    compare_reports,
    bench,
    push,
    pull,
    list_models,
    info,
    import_torch,
    export,
):
    _command.epilog = f"{_command.epilog or ''}\n\n{EXIT_CODES}".strip()
    main.add_command(_command)
