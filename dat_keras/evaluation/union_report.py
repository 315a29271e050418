"""`UnionReport`: accuracies under several threat models and under all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult, Flags
from dat_keras.utils.files import write_json
from dat_keras.utils.html import fragment
from dat_keras.utils.intervals import proportion
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.registry import lookup
from dat_keras.utils.text_table import markdown, plain


@dataclass(frozen=True)
class WorstCase(Flags):
    """One attack in every norm: a sample is broken if it is so in any.

    Args:
        name: Name of the attack.
        broken: Whether each sample was broken, in the order of the data.
        seconds: Time of the attack in all norms.

    Example:
    >>> worst = WorstCase("pgd20", (True, False), 1.0)
    >>> worst.correct, worst.accuracy
    (1, 0.5)
    """

    name: str
    broken: tuple[bool, ...]
    seconds: float = 0.0

    def to_json(self) -> dict:
        """Returns the accuracy as plain data, with the broken samples."""
        return {
            **proportion(self.correct, len(self.broken)),
            "seconds": round(self.seconds, 3),
            "broken": [i for i, broken in enumerate(self.broken) if broken],
        }


@dataclass(frozen=True)
class UnionReport:
    """Accuracies under each of several threat models, and under all of them.

    Args:
        reports: By the name of the norm, of the same model and images with
            the same attacks.

    Example:
    >>> def report(norm, *broken):
    ...     result = AttackResult("natural", "NoAttack()", broken)
    ...     return Report(
    ...         (result,), "0" * 64, "toy/test", "1" * 64, True, norm, 0.5,
    ...         "strict", 0, 128, (), {},
    ...     )
    >>> union = UnionReport(
    ...     {"linf": report("linf", True, False, False, False),
    ...      "l2": report("l2", False, True, False, False)}
    ... )
    >>> union["natural"].accuracy
    0.5
    """

    reports: Mapping[str, Report]

    def __getitem__(self, name: str) -> WorstCase:
        """Returns the worst case of an attack."""
        return lookup(
            {worst.name: worst for worst in self.results}, name, "attack"
        )

    def __str__(self) -> str:
        """Returns the same as `table`."""
        return self.table()

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        return fragment(self.title(), self.cells(), self.notes())

    @property
    def first(self) -> Report:
        """The report of the first norm; the settings of all are its own."""
        return next(iter(self.reports.values()))

    @property
    def protocol(self) -> str:
        """Key of `PROTOCOLS`."""
        return self.first.protocol

    @property
    def n_examples(self) -> int:
        """Number of evaluated images."""
        return self.first.n_examples

    @property
    def further(self) -> tuple[()]:
        """Tables that follow the report's own, as in `Report`: none."""
        return ()

    @property
    def results(self) -> tuple[WorstCase, ...]:
        """The worst case of each attack, natural accuracy first."""
        return tuple(map(_worst, zip(*self._of_norms(), strict=True)))

    @property
    def robust_accuracy(self) -> float:
        """Share of samples that no attack broke in any norm."""
        flags = zip(*(worst.broken for worst in self.results), strict=True)
        return sum(not any(broken) for broken in flags) / self.n_examples

    def title(self) -> str:
        """Returns what was measured, in one line."""
        which = "all" if self.first.whole else "the first"
        norms = ", ".join(
            f"{norm} eps {pixel_fraction(report.eps)}"
            for norm, report in self.reports.items()
        )
        return (
            f"{which} {self.n_examples} images of {self.first.data}, union of "
            f"{norms}, protocol {self.protocol}, seed {self.first.seed}"
        )

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first.

        Natural accuracy has one row; each attack has one for each norm and
        one for the union.
        """
        rows: list[tuple[str, str, AttackResult | WorstCase]] = []
        for worst, each in zip(
            self.results, zip(*self._of_norms(), strict=True), strict=True
        ):
            attacked = rows != []
            if attacked:
                rows += [
                    (worst.name, norm, result)
                    for norm, result in zip(self.reports, each, strict=True)
                ]
            rows.append((worst.name, "union" if attacked else "-", worst))
        header = ["attack", "norm", "accuracy", "95 % interval", "correct"]
        table = [[*header, "seconds"]]
        for name, norm, result in rows:
            low, high = (100 * end for end in result.interval)
            table.append(
                [
                    name,
                    norm,
                    f"{100 * result.accuracy:.2f} %",
                    f"{low:.1f} - {high:.1f} %",
                    f"{result.correct}/{self.n_examples}",
                    f"{result.seconds:.1f}",
                ]
            )
        hidden = header.index("95 % interval") if self.first.whole else None
        return [
            [cell for i, cell in enumerate(row) if i != hidden] for row in table
        ]

    def notes(self) -> list[str]:
        """Returns the cautions of all norms, one line each."""
        return [
            f"{norm}: {note}"
            for norm, report in self.reports.items()
            for note in report.notes()
        ]

    def table(self) -> str:
        """Returns title, table and cautions as plain text."""
        return "\n".join([self.title(), plain(self.cells()), *self.notes()])

    def markdown(self) -> str:
        """Returns the table in Markdown."""
        lines = [self.title(), "", markdown(self.cells()), *self.notes()]
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict:
        """Returns the report as plain data for `json.dumps`."""
        return {
            "n_examples": self.n_examples,
            "norms": {
                n: report.to_json() for n, report in self.reports.items()
            },
            "union": {
                "robust_accuracy": self.robust_accuracy,
                "attacks": {w.name: w.to_json() for w in self.results},
            },
        }

    def save(self, path: Path) -> None:
        """Writes the report as JSON, atomically."""
        write_json(Path(path), self.to_json())

    def _of_norms(self) -> list[tuple[AttackResult, ...]]:
        return [report.results for report in self.reports.values()]


def _worst(results: tuple[AttackResult, ...]) -> WorstCase:
    flags = zip(*(result.broken for result in results), strict=True)
    return WorstCase(
        results[0].name,
        tuple(any(broken) for broken in flags),
        sum(result.seconds for result in results),
    )
