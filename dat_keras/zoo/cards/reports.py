"""Reports to publish, out of the files of `evaluate --json` and `compare`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.report_data import of_norms
from dat_keras.zoo.errors import RefusedContentError

Report: TypeAlias = Mapping[str, Any]
"""What `Report.to_json` returned, or `UnionReport.to_json`."""


def read_reports(path: Path) -> list[dict[str, Any]]:
    """The reports in a file.

    Args:
        path: What `dat-keras evaluate --json` wrote, of one model or of
            several, or `dat-keras compare` into the folder of a run.

    Raises:
        DamagedFileError: If it is no such file.
        RefusedContentError: If a report is of a shard: a part of the images.
    """
    try:
        data = json.loads(path.read_text())
        named = data.get("reports", data)
        alone = "attacks" in named or "norms" in named
        found = [named] if alone else list(named.values())
        # `compare` keeps them apart, by checkpoint.
        for name, corrupted in data.get("corrupted", {}).items():
            of_norms(named[name])[0]["corruptions"] = corrupted
        parts = [part for report in found for part in of_norms(report)]
        for part in parts:
            _ = part["model"]["sha256"], part["attacks"]["natural"]
        if not parts:
            raise KeyError("attacks")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedFileError(f"{path} holds no report: {error!r}") from None
    if any("shard" in part for part in parts):
        raise RefusedContentError(
            f"{path} measured a part of the images",
            "make one report of all shards by `dat-keras merge-reports`",
        )
    return found


def reports_of(
    paths: Iterable[Path], fingerprints: Sequence[str]
) -> list[dict[str, Any]]:
    """The reports on certain weights, out of several files.

    Args:
        paths: The files.
        fingerprints: sha256 that the weights may go by.

    Raises:
        DamagedFileError: If a file holds no report.
        RefusedContentError: If a file has no report on these weights, or a
            report is of a shard.
    """
    chosen = []
    for path in paths:
        found = [
            report
            for report in read_reports(path)
            if of_norms(report)[0]["model"]["sha256"] in fingerprints
        ]
        if not found:
            raise RefusedContentError(
                f"{path} measured other weights than these",
                "evaluate the weights that are published",
            )
        chosen += found
    return chosen
