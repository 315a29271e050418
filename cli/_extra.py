"""Options of `--extra`, checked before TensorFlow is imported."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import click

from dat_keras.cli._datasets import check_dataset

FIELDS = {
    "extra": "source",
    "extra_fraction": "fraction",
    "extra_labels": "labels",
}
"""Field of a recipe's `extra` by name of the option."""


def check_extra(choice: dict[str, Any], data_dir: Path | None) -> tuple:
    """Refuses options of `--extra` that have no effect, and missing sources.

    Args:
        choice: The options of `train`; those of `--extra` are taken out.
        data_dir: Folder of prepared data sets.

    Returns:
        The options as `key=value` of a recipe.

    Raises:
        click.UsageError: With what to do.
        DatKerasError: If there is no such model for the labels.
        ValueError: If it is a misspelt name of a data set.
    """
    given = {field: choice.pop(option) for option, field in FIELDS.items()}
    source, fraction = given["source"], given["fraction"]
    if source is None:
        for option in ("fraction", "labels"):
            if given[option] is not None:
                raise click.UsageError(
                    f"--extra-{option} is for the images of --extra"
                )
        return ()
    if fraction is not None and not 0 < fraction <= 1:
        raise click.UsageError(
            "--extra-fraction must be greater than 0 and at most 1. "
            f"Received: {fraction:g}"
        )
    _check_source(source, data_dir)
    if given["labels"] is not None:
        from dat_keras.zoo.commands.sources import check_source

        check_source(given["labels"], "best")
    return tuple(
        f"extra.{field}={value}"
        for field, value in given.items()
        if value is not None
    )


def _check_source(source: str, data_dir: Path | None) -> None:
    path = Path(source).expanduser()
    if path.suffix == ".npz":
        if not path.is_file():
            raise click.UsageError(f"--extra: there is no file {source}")
        if not zipfile.is_zipfile(path):
            raise click.UsageError(f"--extra: {source} is no .npz file")
    elif not path.is_dir():
        check_dataset(source, data_dir, "--extra")
