"""The result of an evaluation: a value that prints, compares and serialises."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dat_keras.files import write_whole
from dat_keras.intervals import wilson
from dat_keras.tables import lookup
from dat_keras.text_table import markdown, plain


@dataclass(frozen=True)
class Caution:
    """Something that a reader of the numbers must know.

    Args:
        code: Short name for machines, such as `"randomized"`.
        advice: What it means and what to do, one or two sentences.
    """

    code: str
    advice: str


@dataclass(frozen=True)
class Row:
    """The outcome of one attack, or of none.

    Args:
        name: Name of the attack.
        settings: All its settings, as `repr` prints them.
        broken: Whether each sample was broken, in the order of the data.
        max_distance: Largest distance of an adversarial image, in the norm
            of the report, verified in float64.
        seconds: Time it took, tracing included.
        forwards: Images that went through the classifier, where counted.
        gradients: Images whose gradient was taken, where counted.
        parts: What was broken once each part of an ensemble was done.

    Example:
    >>> row = Row("fgsm", "", (True, False, False, False))
    >>> row.correct, row.accuracy
    (3, 0.75)
    """

    name: str
    settings: str
    broken: tuple[bool, ...]
    max_distance: float = 0.0
    seconds: float = 0.0
    forwards: int = 0
    gradients: int = 0
    parts: tuple[Row, ...] = ()

    @property
    def broken_by(self) -> tuple[str | None, ...]:
        """The first part after which each sample is broken, if one is.

        The first part of an ensemble is no attack: natural errors.
        """
        names = [part.name for part in self.parts]
        flags = zip(*(part.broken for part in self.parts), strict=True)
        return tuple(
            next(itertools.compress(names, broken), None) for broken in flags
        )

    @property
    def correct(self) -> int:
        """Number of samples that stand."""
        return len(self.broken) - sum(self.broken)

    @property
    def accuracy(self) -> float:
        """Share of samples that stand, in `[0, 1]`."""
        return self.correct / len(self.broken)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson(self.correct, len(self.broken))

    def to_json(self) -> dict:
        """Returns the row as plain data, with positions of broken samples."""
        return {
            "name": self.name,
            "accuracy": self.accuracy,
            "correct": self.correct,
            "total": len(self.broken),
            "wilson95": list(self.interval),
            "max_distance": self.max_distance,
            "seconds": round(self.seconds, 3),
            "settings": self.settings,
            "broken": [i for i, broken in enumerate(self.broken) if broken],
            "forwards": self.forwards,
            "gradients": self.gradients,
            "parts": {part.name: part.to_json() for part in self.parts},
            "broken_by": list(self.broken_by),
        }


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


def pixel_fraction(eps: float) -> str:
    """Returns a radius the way papers write it.

    Example:
    >>> pixel_fraction(8 / 255), pixel_fraction(0.5)
    ('8/255', '0.5')
    """
    steps = eps * 255
    if round(steps) and abs(steps - round(steps)) < 1e-4:
        return f"{round(steps)}/255"
    return f"{eps:g}"
