"""`dat-keras merge-reports`: one report of those of all shards."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dat_keras.cli._checking import check_files
from dat_keras.cli._console import show
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._types import NewFile
from dat_keras.utils.runtime import quiet_tensorflow

EXAMPLE = """\b
Example, on four machines and then on one:
  dat-keras evaluate RUN --attack autoattack --shard 1/4 --json 1.json
  dat-keras merge-reports 1.json 2.json 3.json 4.json --json report.json
"""


@click.command("merge-reports", epilog=EXAMPLE)
@click.argument(
    "files",
    metavar="REPORT.json...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--json", "json_file", type=NewFile(), help="Also write the report."
)
@verbose_option
def merge_reports(
    files: tuple[Path, ...], json_file: Path | None, verbose: bool
) -> None:
    """Make one report of those of `evaluate --shard`.

    It is that of an evaluation in one piece: every image is attacked with the
    same random draws in any shard.
    """
    check_files([] if json_file is None else [json_file])
    reports = {str(file): _read(file) for file in files}
    quiet_tensorflow(verbose)
    from dat_keras.evaluation.merge import merge_reports as merge

    report = merge(reports)
    show(report)
    if json_file is not None:
        report.save(json_file)


def _read(file: Path) -> dict:
    from dat_keras.utils.errors import DamagedFileError

    try:
        return json.loads(file.read_text())
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"cannot read {file}: {error}") from None
