"""The result of an evaluation: a value that prints, compares and serialises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dat_keras.evaluation.results import Caution, Row
from dat_keras.utils.files import write_whole
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.registry import lookup
from dat_keras.utils.text_table import markdown, plain


@dataclass(frozen=True)
class Report:
    """Accuracies of a classifier under attack, and all they depend on.

    Args:
        rows: One per attack, natural accuracy first.
        model: sha256 of the classifier's weights.
        data: Name of the data.
        data_fingerprint: sha256 of the evaluated images and labels.
        whole: Whether these are all images of the data.
        norm: Key of `THREAT_MODELS`.
        eps: Radius, in pixel units of `[0, 1]`.
        protocol: Key of `PROTOCOLS`.
        seed: Seed of all draws.
        batch_size: Images per batch; it must not matter.
        cautions: What a reader must know.
        versions: Versions of the software.
        date: Day on which the evaluation ended, UTC, `YYYY-MM-DD`; `None`
            where nothing says it.

    Example:
    >>> row = Row("natural", "NoAttack()", (True, False, False, False))
    >>> report = Report(
    ...     (row,), "0" * 64, "toy/test", "1" * 64, True, "linf", 8 / 255,
    ...     "strict", 0, 128, (), {},
    ... )
    >>> print(report)
    all 4 images of toy/test, linf eps 8/255, protocol strict, seed 0
    attack   accuracy  correct  seconds
    natural   75.00 %      3/4      0.0
    """

    rows: tuple[Row, ...]
    model: str
    data: str
    data_fingerprint: str
    whole: bool
    norm: str
    eps: float
    protocol: str
    seed: int
    batch_size: int
    cautions: tuple[Caution, ...]
    versions: dict[str, str]
    date: str | None = None

    def __getitem__(self, name: str) -> Row:
        """Returns the row of an attack."""
        return lookup({row.name: row for row in self.rows}, name, "row")

    def __str__(self) -> str:
        """Returns the same as `table`."""
        return self.table()

    @property
    def n_examples(self) -> int:
        """Number of evaluated images."""
        return len(self.rows[0].broken)

    @property
    def robust_accuracy(self) -> float:
        """Share of samples that no attack broke: the worst case."""
        flags = zip(*(row.broken for row in self.rows), strict=True)
        return sum(not any(broken) for broken in flags) / self.n_examples

    def title(self) -> str:
        """Returns what was measured, in one line."""
        which = "all" if self.whole else "the first"
        return (
            f"{which} {self.n_examples} images of {self.data}, {self.norm} "
            f"eps {pixel_fraction(self.eps)}, protocol {self.protocol}, "
            f"seed {self.seed}"
        )

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first.

        Below an ensemble stand its parts, with what each left standing. The
        interval is left out where no image was.
        """
        table = [["attack", "accuracy", "95 % interval", "correct", "seconds"]]
        for name, row in self._lines():
            low, high = (100 * end for end in row.interval)
            table.append(
                [
                    name,
                    f"{100 * row.accuracy:.2f} %",
                    f"{low:.1f} - {high:.1f} %",
                    f"{row.correct}/{len(row.broken)}",
                    f"{row.seconds:.1f}",
                ]
            )
        hidden = 2 if self.whole else None
        return [
            [cell for i, cell in enumerate(row) if i != hidden] for row in table
        ]

    def _lines(self) -> Iterator[tuple[str, Row]]:
        for row in self.rows:
            yield row.name, row
            # A part alone repeats its ensemble, and errors have a row.
            shown = row.parts[1:] if len(row.parts) > 2 else ()
            yield from ((f"+ {part.name}", part) for part in shown)

    def notes(self) -> list[str]:
        """Returns the cautions, one line each."""
        return [f"warning: {c.code}: {c.advice}" for c in self.cautions]

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
            "model": {"sha256": self.model},
            "data": {"name": self.data, "sha256": self.data_fingerprint},
            "n_examples": self.n_examples,
            "whole": self.whole,
            "norm": self.norm,
            "eps": self.eps,
            "protocol": self.protocol,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "robust_accuracy": self.robust_accuracy,
            "attacks": {row.name: row.to_json() for row in self.rows},
            "warnings": [asdict(caution) for caution in self.cautions],
            "versions": dict(self.versions),
            "date": self.date,
        }

    def save(self, path: Path) -> None:
        """Writes the report as JSON, whole or not at all."""
        _write(self.to_json(), path)


def save_all(reports: Mapping[str, Report], path: Path) -> None:
    """Writes reports as JSON: one as it is, several by their names.

    Args:
        reports: Reports by name of the classifier.
        path: The file.
    """
    data = {name: report.to_json() for name, report in reports.items()}
    _write(next(iter(data.values())) if len(data) == 1 else data, path)


def _write(data: dict, path: Path) -> None:
    text = json.dumps(data, indent=2) + "\n"
    write_whole(Path(path), lambda file: file.write(text.encode()))
