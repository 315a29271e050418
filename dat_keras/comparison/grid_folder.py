"""The folder of a grid of runs, claimed by one comparison at a time.

grid.json               the definition: every recipe, seeds, attacks
<label>-seed<k>/        a run folder (see `run_folder.py`), and in it
    costs.json          time of a step and memory
    evaluation.json     the run's results, written last
table.{txt,md,csv,tex}  the table of all runs
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from dat_keras.comparison.grid import Grid
from dat_keras.utils.config import encode
from dat_keras.utils.errors import DamagedFileError, RunFolderError
from dat_keras.utils.files import clear, contents, write_json
from dat_keras.utils.locks import locked


@contextmanager
def claim_folder(
    grid: Grid, output: Path, resume: bool = False, overwrite: bool = False
) -> Iterator[None]:
    """Makes the folder of a grid, and keeps others out inside a `with`.

    Args:
        grid: The grid.
        output: Its folder.
        resume: Take a folder that holds this very grid; begin it in one that
            is empty or not there, so that a command can be repeated as it is.
        overwrite: Remove a grid that is there.

    Raises:
        RunFolderError: If it holds a grid and neither flag is given, or
            other files; with `resume`, if it holds another grid; if another
            comparison is at work there. A grid whose first run was refused
            holds no run: a new one takes its place.
        DamagedFileError: If its definition cannot be read.
    """
    path, wanted = output / "grid.json", _plain(grid)
    begun = resume and path.exists()
    if begun:
        _check_same(path, wanted)
    output.mkdir(parents=True, exist_ok=True)
    with locked(output):
        if not begun:
            _begin(path, wanted, overwrite)
        yield


def _begin(path: Path, wanted: dict, overwrite: bool) -> None:
    output = path.parent
    if path.exists() and overwrite:
        clear(output)
    elif any(child != path for child in contents(output)):
        what = "a grid" if path.exists() else "other files"
        raise RunFolderError(
            f"{output} already holds {what}: choose another --output"
            + (", or pass --resume or --overwrite" if "grid" in what else "")
        )
    write_json(path, wanted)


def _plain(grid: Grid) -> dict:
    # Through text, as it will be read back.
    return json.loads(json.dumps(encode(grid)))


def _check_same(path: Path, wanted: dict) -> None:
    try:
        found = json.loads(path.read_text())
        differ = [
            field.name
            for field in fields(Grid)
            if found[field.name] != wanted[field.name]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(f"cannot read {path}: {error!r}") from None
    if differ:
        raise RunFolderError(
            f"{path.parent} holds another grid: {' and '.join(differ)} differ; "
            "repeat the options that it was started with, or choose another "
            "--output"
        )
