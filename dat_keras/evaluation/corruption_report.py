"""`CorruptionReport`: accuracies on corrupted images, and their mean error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dat_keras.corruptions import STANDARD
from dat_keras.evaluation.results import Caution
from dat_keras.utils.text_table import plain


@dataclass(frozen=True)
class CorruptedAccuracy:
    """What a classifier gets right of images with one corruption.

    Args:
        corruption: Key of `CORRUPTIONS`.
        severity: 1 to 5.
        correct: Number of images not broken, by attack, `"natural"` first.
    """

    corruption: str
    severity: int
    correct: Mapping[str, int]


@dataclass(frozen=True)
class CorruptionReport:
    """Accuracies of a classifier on corrupted images.

    Args:
        rows: One for each corruption and severity.
        n_examples: Number of images of each row.
        table: Key of `TABLES`, or `"published"` for CIFAR-10-C as published.
        attacks: Names of the attacks, `"natural"` first.
        seed: Seed of the corruptions and of the attacks.
        norm: Key of `THREAT_MODELS`; `None` if unknown, as the next two.
        eps: Radius of the attacks, in pixel units of `[0, 1]`.
        protocol: Key of `PROTOCOLS`.
        cautions: What a reader of the numbers must know.

    Example:
    >>> rows = tuple(
    ...     CorruptedAccuracy("fog", s, {"natural": 10 - s}) for s in (1, 3)
    ... )
    >>> report = CorruptionReport(rows, 10, "cifar10", ("natural",))
    >>> report.accuracy("fog"), round(report.mean_corruption_error(), 2)
    (0.8, 0.2)
    >>> report.mean_corruption_error(report)
    1.0
    """

    rows: tuple[CorruptedAccuracy, ...]
    n_examples: int
    table: str
    attacks: tuple[str, ...]
    seed: int = 0
    norm: str | None = None
    eps: float | None = None
    protocol: str | None = None
    cautions: tuple[Caution, ...] = ()

    @property
    def corruptions(self) -> tuple[str, ...]:
        """Names of the corruptions, in order."""
        return tuple(dict.fromkeys(row.corruption for row in self.rows))

    @property
    def severities(self) -> tuple[int, ...]:
        """The severities, in order."""
        return tuple(dict.fromkeys(row.severity for row in self.rows))

    def accuracy(
        self,
        corruption: str,
        severity: int | None = None,
        attack: str = "natural",
    ) -> float:
        """Returns an accuracy in `[0, 1]`.

        Args:
            corruption: Name of a corruption.
            severity: Default: the mean over the severities.
            attack: Name of an attack.

        Raises:
            ValueError: If there is no such row.
        """
        correct = [
            row.correct[attack]
            for row in self.rows
            if row.corruption == corruption
            and severity in (None, row.severity)
            and attack in row.correct
        ]
        if not correct:
            raise ValueError(
                f"The report has no row of {corruption}, severity {severity}, "
                f"attack {attack}. It has: {', '.join(self.corruptions)}"
            )
        return sum(correct) / (len(correct) * self.n_examples)

    def mean_corruption_error(
        self,
        reference: CorruptionReport | None = None,
        attack: str = "natural",
    ) -> float:
        """Returns the mean corruption error (mCE), 0.2 for 20 %.

        Of each corruption the error is the mean over the severities, divided
        by the reference's where one is given; the mCE is their mean over the
        15 standard corruptions, as far as they were measured, or over the
        extra ones if there is no other.

        Args:
            reference: Report of another classifier, such as AlexNet in the
                paper, on the same corruptions and severities, and under the
                same attack.
            attack: Name of an attack.

        Raises:
            ValueError: If the reference has other rows or other settings, or
                makes no error.
        """
        counted = [n for n in self.corruptions if n in STANDARD]
        errors = []
        for name in counted or self.corruptions:
            error = 1.0 - self.accuracy(name, attack=attack)
            if reference is not None:
                error /= self._error_of(reference, name, attack)
            errors.append(error)
        return sum(errors) / len(errors)

    def _error_of(
        self, reference: CorruptionReport, name: str, attack: str
    ) -> float:
        # No attack, no radius.
        settings = ("norm", "eps", "protocol") if attack != "natural" else ()
        for field in ("severities", "table", *settings):
            own, other = getattr(self, field), getattr(reference, field)
            if own != other:
                field = "parameters" if field == "table" else field
                raise ValueError(
                    f"`reference` must have the same {field}, {own}. "
                    f"Received: {other}"
                )
        error = 1.0 - reference.accuracy(name, attack=attack)
        if error == 0.0:
            raise ValueError(
                "`reference` must make errors to divide by. "
                f"Received: none with {name}"
            )
        return error

    def title(self) -> str:
        """Returns what was measured, in one line."""
        return (
            f"accuracy in % on {self.n_examples} corrupted images, "
            f"parameters {self.table}, seed {self.seed}"
        )

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first."""
        table = [["corruption", "attack", *map(str, self.severities), "mean"]]
        for name in self.corruptions:
            for attack in self.attacks:
                each = [
                    self.accuracy(name, severity, attack)
                    for severity in self.severities
                ]
                each.append(self.accuracy(name, attack=attack))
                table.append([name, attack, *(f"{100 * a:.1f}" for a in each)])
        blank = [""] * len(self.severities)
        for attack in self.attacks:
            error = 100 * self.mean_corruption_error(attack=attack)
            table.append(["mean error", attack, *blank, f"{error:.1f}"])
        return table

    def __str__(self) -> str:
        """Returns title and table as plain text."""
        lines = [self.title(), plain(self.cells()), *map(str, self.cautions)]
        return "\n".join(lines)

    def to_json(self) -> dict:
        """Returns the report as plain data for `json.dumps`."""
        return {
            "n_examples": self.n_examples,
            "parameters": self.table,
            "seed": self.seed,
            "norm": self.norm,
            "eps": self.eps,
            "protocol": self.protocol,
            "warnings": [caution.to_json() for caution in self.cautions],
            "mean_corruption_error": {
                attack: self.mean_corruption_error(attack=attack)
                for attack in self.attacks
            },
            "accuracy": {
                name: {
                    str(severity): {
                        attack: self.accuracy(name, severity, attack)
                        for attack in self.attacks
                    }
                    for severity in self.severities
                }
                for name in self.corruptions
            },
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> CorruptionReport:
        """Returns the report that `to_json` wrote.

        Args:
            data: What it returned.

        Raises:
            ValueError: If a number is no accuracy or no severity.
            KeyError: If a field is missing.

        Example:
        >>> rows = (CorruptedAccuracy("fog", 3, {"natural": 7}),)
        >>> report = CorruptionReport(
        ...     rows, 9, "cifar10", ("natural",), 4, "linf", 0.1, "strict"
        ... )
        >>> CorruptionReport.of_json(report.to_json()) == report
        True
        """
        total = int(data["n_examples"])
        rows = tuple(
            CorruptedAccuracy(
                str(name),
                int(severity),
                {n: round(total * float(each)) for n, each in by.items()},
            )
            for name, severities in data["accuracy"].items()
            for severity, by in severities.items()
        )
        counts = [count for row in rows for count in row.correct.values()]
        if not rows or not all(0 <= count <= total for count in counts):
            raise ValueError("accuracies on corrupted images")
        return cls(
            rows,
            total,
            str(data["parameters"]),
            tuple(rows[0].correct),
            int(data["seed"]),
            norm=data["norm"],
            eps=data["eps"],
            protocol=data["protocol"],
            cautions=tuple(map(Caution.of_json, data["warnings"])),
        )
