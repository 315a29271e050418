"""Results of `dat-keras evaluate --json` that a report shows, by weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from dat_keras.analysis.robustness.attack_accuracies import (
    AttackAccuracy,
    attacks_of,
)
from dat_keras.analysis.robustness.certified_accuracies import (
    CertifiedAccuracy,
    certificates_of,
)
from dat_keras.analysis.robustness.smallest_perturbations import (
    SmallestPerturbations,
    distances_of,
)
from dat_keras.analysis.robustness.survivors import Survivors, survivors_of
from dat_keras.analysis.robustness.union_accuracies import (
    UnionAccuracies,
    unions_of,
)
from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.evaluation.results import Caution
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.report_data import of_norms


@dataclass(frozen=True)
class Evaluations:
    """What other evaluations found of one classifier.

    Args:
        autoattack: What AutoAttack left, of each of its runs.
        distances: Minimal distances, of each attack.
        corruptions: Accuracies on corrupted images.
        unions: Accuracies in several norms.
        certificates: Certified accuracies.
        attacks: Accuracies in one norm.
        cautions: What a reader of these must know.

    Example:
    >>> both = Evaluations() + Evaluations()
    >>> bool(both)
    False
    """

    autoattack: tuple[Survivors, ...] = ()
    distances: tuple[SmallestPerturbations, ...] = ()
    corruptions: tuple[CorruptionReport, ...] = ()
    unions: tuple[UnionAccuracies, ...] = ()
    certificates: tuple[CertifiedAccuracy, ...] = ()
    attacks: tuple[AttackAccuracy, ...] = ()
    cautions: tuple[Caution, ...] = ()

    def __add__(self, other: Evaluations) -> Evaluations:
        """Returns the results of both, and each caution once."""
        both = Evaluations(
            *(
                getattr(self, each.name) + getattr(other, each.name)
                for each in fields(self)
            )
        )
        return replace(both, cautions=tuple(dict.fromkeys(both.cautions)))

    def __bool__(self) -> bool:
        """Whether there is a result; a caution alone is none."""
        return any(vars(replace(self, cautions=())).values())


def read_evaluations(paths: Iterable[Path | str]) -> dict[str, Evaluations]:
    """Reads reports of `dat-keras evaluate --json`.

    Args:
        paths: The files; each holds one report, or several by name.

    Returns:
        Results by the sha256 of the classifier's weights.

    Raises:
        DamagedFileError: If a file is no such report, or holds no result.
    """
    found: dict[str, Evaluations] = {}
    for path in map(Path, paths):
        shown = False
        try:
            for sha256, results in _results(json.loads(path.read_text())):
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
                f"{path} holds no result: make it by `dat-keras evaluate "
                "--attack autoattack,fmn --json FILE`"
            )
    return found


def _results(data: Mapping[str, Any]) -> Iterator[tuple[str, Evaluations]]:
    """sha256 and results of a file's report, or of its several."""
    alone = "attacks" in data or "norms" in data
    for report in [data] if alone else data.values():
        if "shard" in report:
            raise ValueError("a shard, use `dat-keras merge-reports` first")
        several = "norms" in report
        parts = of_norms(report)
        unions = tuple(unions_of(report)) if several else ()
        found = Evaluations(unions=unions)
        for part in parts:
            results = _of_norm(part)
            # Of several norms, the section on these shows the accuracies.
            found += replace(results, attacks=()) if several else results
        yield parts[0]["model"]["sha256"], found


def _of_norm(report: Mapping[str, Any]) -> Evaluations:
    corruptions = report.get("corruptions")
    certificates = tuple(certificates_of(report))
    return Evaluations(
        tuple(survivors_of(report)),
        tuple(distances_of(report)),
        (CorruptionReport.of_json(corruptions),) if corruptions else (),
        certificates=certificates,
        # Beside a certificate they are shown already.
        attacks=() if certificates else tuple(attacks_of(report)),
        cautions=tuple(map(Caution.of_json, report.get("warnings", ()))),
    )
