"""Accuracies of classifiers against a baseline's on the same images, paired.

The interval of one accuracy says little about a difference: most images are
easy or hard for both classifiers. McNemar's test looks at the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_json
from dat_keras.utils.mcnemar import mcnemar, paired_interval
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.text_table import plain

if TYPE_CHECKING:
    from dat_keras.evaluation.report import Report

Reports = Mapping[str, "Report | Mapping[str, Any]"]
SHARED = ("n_examples", "norm", "eps", "protocol")
"""Fields in which two reports must agree, besides the images."""


@dataclass(frozen=True)
class PairedDifference:
    """A classifier and the baseline under one attack, on the same images.

    Args:
        model: Name of the classifier.
        attack: Name of the attack.
        correct: Number of images that it gets right.
        baseline_correct: Number of images that the baseline gets right.
        alone: Number of images that it alone gets right.
        baseline_alone: Number of images that the baseline alone gets right.
        total: Number of images.

    Example:
    >>> row = PairedDifference("dat", "pgd20", 45, 42, 6, 3, 100)
    >>> round(row.difference, 2), round(row.p_value, 3)
    (0.03, 0.508)
    """

    model: str
    attack: str
    correct: int
    baseline_correct: int
    alone: int
    baseline_alone: int
    total: int

    @property
    def difference(self) -> float:
        """Accuracy minus that of the baseline."""
        return (self.correct - self.baseline_correct) / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference, see `paired_interval`."""
        return paired_interval(self.alone, self.baseline_alone, self.total)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of McNemar's exact test."""
        return mcnemar(self.alone, self.baseline_alone)

    def cells(self) -> list[str]:
        """Returns the row of a table as text."""
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        p = self.p_value
        return [
            self.model,
            self.attack,
            f"{100 * self.correct / self.total:.2f} %",
            f"{100 * self.baseline_correct / self.total:.2f} %",
            f"{100 * self.difference:+.2f} ({low} to {high})",
            str(self.alone),
            str(self.baseline_alone),
            "< 0.001" if p < 0.001 else f"{p:.3f}",
        ]


@dataclass(frozen=True)
class PairedDifferences:
    """Differences from a baseline, for each classifier and attack.

    Args:
        baseline: Name of the baseline.
        rows: The differences.
        setting: Images, norm, eps and protocol in words.
        unshared: Attacks that only some of the reports hold.

    Example:
    >>> row = PairedDifference("dat", "pgd20", 45, 42, 6, 3, 100)
    >>> print(PairedDifferences("pgd-at", (row,), "first 100 images of toy"))
    ... # doctest: +ELLIPSIS
    differences from pgd-at, first 100 images of toy
    model    attack    accuracy ...
    dat       pgd20     45.00 % ...
    """

    baseline: str
    rows: tuple[PairedDifference, ...]
    setting: str
    unshared: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Returns title, table and notes as plain text."""
        return "\n".join([self.title(), plain(self.cells()), *self.notes()])

    def title(self) -> str:
        """Returns what is compared, in one line."""
        return f"differences from {self.baseline}, {self.setting}"

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first."""
        header = ["model", "attack", "accuracy", "baseline"]
        header += ["difference", "alone", "baseline alone", "p"]
        return [header, *(row.cells() for row in self.rows)]

    def notes(self) -> list[str]:
        """Returns what a reader must know of the numbers, a line each."""
        found = []
        if len(self.rows) > 1:
            found.append(
                f"p is not corrected for the {len(self.rows)} comparisons."
            )
        if self.unshared:
            listed = ", ".join(self.unshared)
            found.append(f"Not in all reports, and not compared: {listed}.")
        return found

    def to_json(self) -> dict[str, Any]:
        """Returns the differences as plain data."""
        return {
            "baseline": self.baseline,
            "setting": self.setting,
            "differences": [
                {
                    **asdict(row),
                    "difference": row.difference,
                    "interval95": list(row.interval),
                    "p_value": row.p_value,
                }
                for row in self.rows
            ],
        }

    def save(self, path: Path) -> None:
        """Writes the differences as JSON, atomically."""
        write_json(Path(path), self.to_json())


def paired_differences(reports: Reports) -> PairedDifferences:
    """Compares classifiers with the first of them on the same images.

    Args:
        reports: Two or more reports of `dk.evaluate`, or the plain data that
            `Report.to_json` returned, by the name of the classifier. The
            first is the baseline.

    Returns:
        A row for each of the others and each attack that all reports hold,
        with McNemar's exact test.

    Raises:
        ValueError: If there is one report, or they are not of the same images,
            norm, eps, protocol and attacks.
        DamagedFileError: If one lacks what a report holds.

    Example:
    >>> from dat_keras.evaluation.report import Report
    >>> from dat_keras.evaluation.results import AttackResult
    >>> def report(*broken):
    ...     return Report(
    ...         (AttackResult("natural", "NoAttack()", broken),), "0" * 64,
    ...         "toy", "1" * 64, True, "linf", 0.03, "strict", 0, 128, (), {},
    ...     )
    >>> reports = {
    ...     "old": report(True, True, False), "new": report(False, True, False)
    ... }
    >>> row, = paired_differences(reports).rows
    >>> row.alone, row.baseline_alone, row.p_value
    (1, 0, 1.0)
    """
    plain_data = {
        name: report if isinstance(report, Mapping) else report.to_json()
        for name, report in reports.items()
    }
    if len(plain_data) < 2:
        raise ValueError(
            "A comparison takes two or more reports. Received: "
            + (", ".join(plain_data) or "none")
        )
    try:
        return _compared(plain_data)
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(
            f"One of {', '.join(plain_data)} is no report of `dk.evaluate`: "
            f"{error!r}"
        ) from None


def _compared(reports: Mapping[str, Mapping[str, Any]]) -> PairedDifferences:
    (baseline, first), *others = reports.items()
    for name, report in others:
        _check_alike(baseline, first, name, report)
    held = [list(report["attacks"]) for report in reports.values()]
    names = dict.fromkeys(name for each in held for name in each)
    shared = [name for name in names if all(name in each for each in held)]
    if not shared:
        raise ValueError(
            "The reports have no attack in common. Received: "
            + "; ".join(", ".join(each) for each in held)
        )
    whole = "all" if first["whole"] else "first"
    return PairedDifferences(
        baseline,
        tuple(
            _row(name, attack, first, report)
            for name, report in others
            for attack in shared
        ),
        f"{whole} {first['n_examples']} images of {first['data']['name']}, "
        f"{first['norm']} eps {pixel_fraction(first['eps'])}, protocol "
        f"{first['protocol']}",
        tuple(name for name in names if name not in shared),
    )


def _check_alike(
    baseline: str, first: Mapping, name: str, report: Mapping
) -> None:
    """Refuses reports on other images, or in another setting."""
    facts = {key: (first[key], report[key]) for key in SHARED}
    facts["images"] = first["data"]["sha256"], report["data"]["sha256"]
    for attack, result in report["attacks"].items():
        settings = first["attacks"].get(attack, result)["settings"]
        facts[f"settings of {attack}"] = settings, result["settings"]
    for key, (one, other) in facts.items():
        if one != other:
            raise ValueError(
                f"{name} cannot be compared with {baseline}: {key} differ. "
                f"Received: {other} and {one}"
            )
    if "shard" in first or "shard" in report:
        raise ValueError(
            f"{name} or {baseline} is of a shard: make one report of all by "
            "`dat-keras merge-reports` first"
        )


def _row(
    name: str, attack: str, first: Mapping, report: Mapping
) -> PairedDifference:
    total = first["n_examples"]
    theirs, own = (
        set(range(total)) - set(each["attacks"][attack]["broken"])
        for each in (first, report)
    )
    return PairedDifference(
        name,
        attack,
        len(own),
        len(theirs),
        len(own - theirs),
        len(theirs - own),
        total,
    )
