"""`dat-keras compare-reports`: paired tests of models on the same images."""

from __future__ import annotations

from pathlib import Path

import click

from dat_keras.cli._checking import check_files
from dat_keras.cli._console import show_table
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._types import NewFile
from dat_keras.utils.files import write_json

EXAMPLE = """\b
Example:
  dat-keras evaluate runs/pgd-at --attack pgd20,autoattack --json pgd-at.json
  dat-keras evaluate runs/dat --attack pgd20,autoattack --json dat.json
  dat-keras compare-reports pgd-at.json dat.json
"""


@click.command("compare-reports", epilog=EXAMPLE)
@click.argument("baseline", type=click.Path(exists=True, path_type=Path))
@click.argument(
    "reports",
    metavar="REPORT...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--json", "json_file", type=NewFile(), help="Also write the differences."
)
@verbose_option
def compare_reports(
    baseline: Path,
    reports: tuple[Path, ...],
    json_file: Path | None,
    verbose: bool,
) -> None:
    """Test whether models differ from BASELINE, image by image.

    BASELINE and REPORT are files of `dat-keras evaluate --json`, or run
    folders of `dat-keras compare`: of each the best checkpoint is compared
    with the best one, the last with the last. For each attack: both
    accuracies, their difference with its 95 % interval, on how many images
    one of them alone is right, and the p-value of McNemar's exact test. They
    must be of the same images, norm, eps, protocol and attacks.
    """
    check_files([] if json_file is None else [json_file])
    from dat_keras.comparison.paired_differences import paired_differences
    from dat_keras.comparison.report_files import (
        read_report_file,
        short_names,
    )

    paths = [baseline, *reports]
    names = short_names(paths)
    if len(set(names)) < len(names):
        raise click.UsageError("a report is given twice")
    found = dict(zip(names, map(read_report_file, paths), strict=True))
    first = found[names[0]]
    for name, inner in found.items():
        if inner.keys() != first.keys():
            raise click.UsageError(
                f"{name} holds other reports ({_listed(inner)}) than "
                f"{names[0]} ({_listed(first)})"
            )
    tables = {
        which: paired_differences(
            {
                f"{name} {which}".strip(): inner[which]
                for name, inner in found.items()
            }
        )
        for which in first
    }
    for table in tables.values():
        show_table(table)
    if json_file is not None:
        plain = {which: table.to_json() for which, table in tables.items()}
        write_json(json_file, plain.get("", plain))


def _listed(inner: dict) -> str:
    return ", ".join(name or "one alone" for name in inner)
