"""`Report`: all results of an evaluation, as text, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.evaluation.eps_curve import EpsCurve
from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.evaluation.shard import Shard
from dat_keras.utils.data_frame import data_frame
from dat_keras.utils.files import write_json
from dat_keras.utils.html import fragment
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.registry import lookup
from dat_keras.utils.text_table import markdown, plain

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Report:
    """Accuracies of a classifier under attack, with all their settings.

    Args:
        results: One per attack, natural accuracy first.
        model: sha256 of the classifier's weights.
        data: Name of the data.
        data_fingerprint: sha256 of the evaluated images and labels.
        whole: Whether these are all images of the data.
        norm: Key of `THREAT_MODELS`.
        eps: Radius, in pixel units of `[0, 1]`.
        protocol: Key of `PROTOCOLS`.
        seed: Seed of all draws.
        batch_size: Images per batch; it must not matter.
        cautions: What a reader of the numbers must know.
        versions: Versions of the software.
        date: Day on which the evaluation ended, UTC, `YYYY-MM-DD`; `None`
            if unknown.
        shard: Which images these are, if not all that were asked for.
        certificate: The images that are proven robust, if it was asked for.
        corruptions: Accuracies on corrupted images, where measured.
        eps_curve: Accuracies at several radii, where asked for.

    Example:
    >>> broken = True, False, False, False
    >>> natural = AttackResult("natural", "NoAttack()", broken)
    >>> report = Report(
    ...     (natural,), "0" * 64, "toy/test", "1" * 64, True, "linf", 8 / 255,
    ...     "strict", 0, 128, (), {},
    ... )
    >>> print(report)
    all 4 images of toy/test, linf eps 8/255, protocol strict, seed 0
    attack   accuracy  correct  seconds
    natural   75.00 %      3/4      0.0
    """

    results: tuple[AttackResult, ...]
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
    shard: Shard | None = None
    certificate: Certificate | None = None
    corruptions: CorruptionReport | None = None
    eps_curve: EpsCurve | None = None

    def __getitem__(self, name: str) -> AttackResult:
        """Returns the result of an attack."""
        return lookup(
            {result.name: result for result in self.results}, name, "attack"
        )

    def __str__(self) -> str:
        """Returns the same as `table`."""
        return self.table()

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        return fragment(self.title(), self.cells(), self.notes())

    @property
    def measured(self) -> tuple[AttackResult | Certificate, ...]:
        """The results, and the certificate if there is one."""
        if self.certificate is None:
            return self.results
        return (*self.results, self.certificate)

    @property
    def n_examples(self) -> int:
        """Number of evaluated images."""
        return len(self.results[0].broken)

    @property
    def robust_accuracy(self) -> float:
        """Share of samples that no attack broke: the worst case."""
        flags = zip(*(result.broken for result in self.results), strict=True)
        return sum(not any(broken) for broken in flags) / self.n_examples

    def title(self) -> str:
        """Returns what was measured, in one line."""
        which = "all" if self.whole else "the first"
        number = str(self.n_examples)
        if self.shard is not None:
            rows, which = self.shard.rows, f"of {which} {self.shard.total}"
            number = f"those from {rows.start} to {rows.stop - 1}, of the"
        return (
            f"{which} {number} images of {self.data}, {self.norm} "
            f"eps {pixel_fraction(self.eps)}, protocol {self.protocol}, "
            f"seed {self.seed}"
        )

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first.

        The parts of an ensemble follow it, with the accuracy after each. The
        interval is left out where all images of the data were taken.
        """
        table = [["attack", "accuracy", "95 % interval", "correct", "seconds"]]
        for name, result in self._lines():
            low, high = (100 * end for end in result.interval)
            table.append(
                [
                    name,
                    f"{100 * result.accuracy:.2f} %",
                    f"{low:.1f} - {high:.1f} %",
                    f"{result.correct}/{self.n_examples}",
                    f"{result.seconds:.1f}",
                ]
            )
        hidden = 2 if self.whole and self.shard is None else None
        return [
            [cell for i, cell in enumerate(row) if i != hidden] for row in table
        ]

    def _lines(self) -> Iterator[tuple[str, AttackResult | Certificate]]:
        for result in self.results:
            yield result.name, result
            # Natural errors have a row, and one part alone is its ensemble.
            shown = result.parts[1:] if len(result.parts) > 2 else ()
            yield from ((f"+ {part.name}", part) for part in shown)
        if self.certificate is not None:
            yield self.certificate.name, self.certificate

    def notes(self) -> list[str]:
        """Returns minimal distances and the cautions, one line each."""
        distances = (
            f"{result.name}: {result.distances.text()}"
            for result in self.results
            if result.distances is not None
        )
        return [*distances, *map(str, self.cautions)]

    @property
    def further(self) -> tuple[EpsCurve | CorruptionReport, ...]:
        """What is a table of its own."""
        tables = self.eps_curve, self.corruptions
        return tuple(table for table in tables if table is not None)

    def table(self) -> str:
        """Returns title, table and cautions as plain text."""
        lines = [self.title(), plain(self.cells()), *self.notes()]
        return "\n".join([*lines, *map(str, self.further)])

    def markdown(self) -> str:
        """Returns the table in Markdown."""
        lines = [self.title(), "", markdown(self.cells()), *self.notes()]
        return "\n".join(lines) + "\n"

    def to_pandas(self, per_image: bool = False) -> pandas.DataFrame:
        """Returns the report as a `pandas.DataFrame`.

        One row for each attack, and for each part of an ensemble, whose
        numbers count what is broken once the part is done; `part` is empty in
        the row of the whole. Rows of several reports can be concatenated:
        they name model, data, norm and eps. `low` and `high` are the ends of
        the 95 % Wilson interval.

        Args:
            per_image: Whether to return one row for each image instead, with
                one boolean column for each attack: whether it broke the
                image; and one that says whether it is certified.

        Raises:
            MissingPackageError: If pandas is not installed.
        """
        if per_image:
            start = self.shard.rows.start if self.shard else 0
            columns = {r.name: r.broken for r in self.results}
            if self.certificate is not None:
                columns[self.certificate.name] = self.certificate.certified
            frame = data_frame(columns)
            frame.index = range(start, start + self.n_examples)
            return frame.rename_axis("image")
        of = {
            "model": self.model,
            "data": self.data,
            "norm": self.norm,
            "eps": self.eps,
            "protocol": self.protocol,
            "seed": self.seed,
        }
        return data_frame(
            {**of, "attack": whole.name, "part": part, **each.numbers()}
            for whole in self.measured
            for part, each in (("", whole), *_parts(whole))
        )

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
            "attacks": {r.name: r.to_json() for r in self.results},
            "warnings": [caution.to_json() for caution in self.cautions],
            "versions": dict(self.versions),
            "date": self.date,
            **self._of_certificate(),
            **self._of_shard(),
            **self._of_corruptions(),
            **self._of_eps_curve(),
        }

    def _of_certificate(self) -> dict:
        if self.certificate is None:
            return {}
        return {"certificate": self.certificate.to_json()}

    def _of_corruptions(self) -> dict:
        of = self.corruptions
        return {} if of is None else {"corruptions": of.to_json()}

    def _of_eps_curve(self) -> dict:
        of = self.eps_curve
        return {} if of is None else {"eps_curve": of.to_json()}

    def _of_shard(self) -> dict:
        """What the report of all images needs of this one."""
        if self.shard is None:
            return {}
        invalid = {
            result.name: [
                list(each.invalid) for each in (result, *result.parts)
            ]
            for result in self.results
        }
        return {"shard": {**self.shard.to_json(), "invalid": invalid}}

    def save(self, path: Path) -> None:
        """Writes the report as JSON, atomically."""
        _write(self.to_json(), path)


def save_all(reports: Mapping[str, Report], path: Path) -> None:
    """Writes reports as one JSON object, by their names.

    Args:
        reports: Reports by name.
        path: The file.
    """
    data = {name: report.to_json() for name, report in reports.items()}
    _write(data, path)


def _parts(whole: AttackResult | Certificate) -> list[tuple[str, AttackResult]]:
    return [(part.name, part) for part in getattr(whole, "parts", ())]


def _write(data: dict, path: Path) -> None:
    write_json(Path(path), data)
