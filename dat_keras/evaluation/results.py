"""The result of one attack for each sample, and cautions about it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import numpy as np

from dat_keras.evaluation.minimal_distances import MinimalDistances
from dat_keras.utils.intervals import proportion, wilson


@dataclass(frozen=True)
class Caution:
    """Something that a reader of the numbers must know.

    Args:
        code: Short name for machines, such as `"randomized"`.
        advice: What it means and what to do, one or two sentences.
    """

    code: str
    advice: str
    level: ClassVar[str] = "warning"

    def __str__(self) -> str:
        """Returns the caution in one line."""
        return f"{self.level}: {self.code}: {self.advice}"

    def to_json(self) -> dict[str, str]:
        """Returns the caution as plain data."""
        return asdict(self)

    @staticmethod
    def of_json(data: Mapping[str, str]) -> Caution:
        """Returns the caution, or the defect, that `to_json` wrote.

        Example:
        >>> wrong = Defect("certificate_broken", "One of the two is wrong.")
        >>> Caution.of_json(wrong.to_json()) == wrong
        True
        """
        kind = Defect if data.get("level") == Defect.level else Caution
        return kind(str(data["code"]), str(data["advice"]))


@dataclass(frozen=True)
class Defect(Caution):
    """Something that cannot be unless the measurement is wrong."""

    level: ClassVar[str] = "error"

    def to_json(self) -> dict[str, str]:
        """Returns the defect as plain data, with its level."""
        return {**asdict(self), "level": self.level}


class Flags:
    """Accuracy of what holds a flag for each sample.

    Args:
        broken: Whether each sample is broken, in the order of the data.
    """

    broken: tuple[bool, ...]

    @property
    def correct(self) -> int:
        """Number of samples that are not broken."""
        return len(self.broken) - sum(self.broken)

    @property
    def accuracy(self) -> float:
        """Share of samples that are not broken, in `[0, 1]`."""
        return self.correct / len(self.broken)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson(self.correct, len(self.broken))


@dataclass(frozen=True)
class AttackResult(Flags):
    """The outcome of one attack, of an ensemble of attacks, or of none.

    Args:
        name: Name of the attack.
        settings: All its settings, as `repr` prints them.
        broken: Whether each sample was broken, in the order of the data.
        max_distance: Largest distance of a valid adversarial image, in the
            norm of the report, measured in float64.
        seconds: Time it took, tracing included.
        forwards: Images that went through the classifier, where counted.
        gradients: Images whose gradient was taken, where counted.
        parts: The members of an ensemble, natural errors first; `broken` of
            each is cumulative: what is broken once it is done.
        invalid: Positions of samples whose adversarial image left the ball
            or the box; they count as robust.
        cautions: What a reader of the result must know.
        x_adv: The image of each sample that was judged, `(N, H, W, C)`, the
            clean one where it was not attacked, or where no part of an
            ensemble broke it; `None` if they were not kept.
        distances: Distances of the nearest misclassified images, of an attack
            that searches them.

    Example:
    >>> result = AttackResult("fgsm", "", (True, False, False, False))
    >>> result.correct, result.accuracy
    (3, 0.75)
    """

    name: str
    settings: str
    broken: tuple[bool, ...]
    max_distance: float = 0.0
    seconds: float = 0.0
    forwards: int = 0
    gradients: int = 0
    parts: tuple[AttackResult, ...] = ()
    invalid: tuple[int, ...] = ()
    cautions: tuple[Caution, ...] = ()
    x_adv: np.ndarray | None = field(default=None, compare=False, repr=False)
    distances: MinimalDistances | None = None

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

    def numbers(self) -> dict[str, float]:
        """Returns the counts and measurements by name, one number each."""
        return {
            **proportion(self.correct, len(self.broken)),
            "max_distance": self.max_distance,
            "seconds": self.seconds,
            "forwards": self.forwards,
            "gradients": self.gradients,
        }

    def to_json(self) -> dict:
        """Returns the result as plain data, with positions of broken samples.

        Invalid samples and cautions are those of the whole report, and images
        are a file of their own.
        """
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
            **self._of_distances(),
        }

    def _of_distances(self) -> dict:
        of = self.distances
        return {} if of is None else {"distances": of.to_json()}
