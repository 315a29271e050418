"""Results of `dat-keras evaluate --json` that a report shows, by weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dat_keras.analysis.robustness.smallest_perturbations import (
    SmallestPerturbations,
    distances_of,
)
from dat_keras.analysis.robustness.survivors import Survivors, survivors_of
from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.utils.errors import DamagedFileError


@dataclass(frozen=True)
class Evaluations:
    """What other evaluations found of one classifier.

    Args:
        autoattack: What AutoAttack left, of each of its runs.
        distances: Minimal distances, of each attack.
        corruptions: Accuracies on corrupted images.

    Example:
    >>> both = Evaluations() + Evaluations()
    >>> bool(both)
    False
    """

    autoattack: tuple[Survivors, ...] = ()
    distances: tuple[SmallestPerturbations, ...] = ()
    corruptions: tuple[CorruptionReport, ...] = ()

    def __add__(self, other: Evaluations) -> Evaluations:
        """Returns the results of both."""
        return Evaluations(
            self.autoattack + other.autoattack,
            self.distances + other.distances,
            self.corruptions + other.corruptions,
        )

    def __bool__(self) -> bool:
        """Whether there is a result."""
        return bool(self.autoattack or self.distances or self.corruptions)


def read_evaluations(paths: Iterable[Path | str]) -> dict[str, Evaluations]:
    """Reads reports of `dat-keras evaluate --json`.

    Args:
        paths: The files; each holds one report, or several by name.

    Returns:
        Results by the sha256 of the classifier's weights.

    Raises:
        DamagedFileError: If a file is no such report, or holds none of
            AutoAttack, minimal distances and accuracies on corrupted images.
    """
    found: dict[str, Evaluations] = {}
    for path in map(Path, paths):
        shown = False
        try:
            for report in _reports(json.loads(path.read_text())):
                sha256, results = report["model"]["sha256"], _results(report)
                shown = shown or bool(results)
                if results:
                    found[sha256] = found.get(sha256, Evaluations()) + results
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
            raise DamagedFileError(
                f"{path} is no report of `dat-keras evaluate --json`: "
                f"{type(e).__name__}: {e}"
            ) from None
        if not shown:
            raise DamagedFileError(
                f"{path} holds no result of AutoAttack, of fab or fmn, and of "
                "--corruptions: make it by `dat-keras evaluate --attack "
                "autoattack,fmn --json FILE`"
            )
    return found


def _reports(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The report of a file, or its several; not that of a shard."""
    for report in [data] if "attacks" in data else data.values():
        if "shard" in report:
            raise ValueError("a shard, use `dat-keras merge-reports` first")
        yield report


def _results(report: Mapping[str, Any]) -> Evaluations:
    corruptions = report.get("corruptions")
    return Evaluations(
        tuple(survivors_of(report)),
        tuple(distances_of(report)),
        (CorruptionReport.of_json(corruptions),) if corruptions else (),
    )
