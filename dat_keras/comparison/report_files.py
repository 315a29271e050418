"""Reports in the files of `dat-keras evaluate --json` and of `compare`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dat_keras.utils.errors import DamagedFileError

OF_A_RUN = "evaluation.json"
"""What `dat-keras compare` writes into the folder of a run."""


def read_report_file(path: Path) -> dict[str, dict[str, Any]]:
    """Reads the reports of a file.

    Args:
        path: A file that `dat-keras evaluate --json` wrote, or the
            folder of a run of `dat-keras compare`.

    Returns:
        The reports by what tells them apart: checkpoint, norm or radius; one
        that is alone has an empty name.

    Raises:
        DamagedFileError: If it holds no report.
    """
    file = path / OF_A_RUN if path.is_dir() else path
    try:
        data = json.loads(file.read_text())
        found = dict(_reports("", data.get("reports", data)))
        if not found:
            raise KeyError("attacks")
        for report in found.values():
            _ = report["attacks"]["natural"], report["data"]["sha256"]
    except FileNotFoundError:
        raise DamagedFileError(
            f"{path} holds no {OF_A_RUN}: give the folder of a run of "
            "`dat-keras compare`, or a file of `dat-keras evaluate --json`"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedFileError(
            f"{file} holds no report of `dat-keras evaluate --json`: {error!r}"
        ) from None
    return found


def _reports(name: str, data: Mapping) -> Iterator[tuple[str, dict]]:
    if "attacks" in data:
        yield name, dict(data)
        return
    for inner, report in data.get("norms", data).items():
        yield from _reports(f"{name} {inner}".strip(), report)


def short_names(paths: Sequence[Path]) -> list[str]:
    """Returns paths without the folder that they share, and without `.json`.

    Args:
        paths: The paths.

    Example:
    >>> short_names([Path("runs/a/dat-seed0"), Path("runs/a/trades-seed0")])
    ['dat-seed0', 'trades-seed0']
    >>> short_names([Path("one/dat.json"), Path("two/dat.json")])
    ['one/dat', 'two/dat']
    """
    parents = [str(path.absolute().parent) for path in paths]
    shared = os.path.commonpath(parents)
    return [
        str(path.absolute().relative_to(shared)).removesuffix(".json")
        for path in paths
    ]
