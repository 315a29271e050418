"""`Certificate`: the images on which a classifier is proven to be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dat_keras.evaluation.results import AttackResult, Caution, Defect
from dat_keras.utils.intervals import proportion, wilson


@dataclass(frozen=True)
class Certificate:
    """Certified accuracy of a classifier, image by image.

    Args:
        method: Key of `CERTIFIERS`.
        settings: All its settings, as `repr` prints them.
        certified: Whether each image is right within the whole ball.
        bounds: What the method found for each image: a lower bound of the
            margin over the ball, in logits, or the certified radius.
        unit: Which of them, `"margin"` or `"radius"`.
        of_classifier: Whether it holds for the classifier that attacks see,
            and not for another one that is made of it.
        seconds: Time it took, tracing included.

    Example:
    >>> found = Certificate("ibp", "", (True, False), (0.5, -1.0), "margin")
    >>> found.name, found.accuracy
    ('certified ibp', 0.5)
    """

    method: str
    settings: str
    certified: tuple[bool, ...]
    bounds: tuple[float, ...]
    unit: str
    of_classifier: bool = True
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"certified {self.method}"

    @property
    def correct(self) -> int:
        """Number of certified images."""
        return sum(self.certified)

    @property
    def accuracy(self) -> float:
        """Share of certified images, in `[0, 1]`."""
        return self.correct / len(self.certified)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson(self.correct, len(self.certified))

    def numbers(self) -> dict[str, float]:
        """Returns the counts and measurements by name, one number each."""
        return {
            **proportion(self.correct, len(self.certified)),
            "seconds": self.seconds,
        }

    def to_json(self) -> dict:
        """Returns the certificate as plain data, with certified positions."""
        return {
            "method": self.method,
            "settings": self.settings,
            "accuracy": self.accuracy,
            "correct": self.correct,
            "total": len(self.certified),
            "wilson95": list(self.interval),
            "seconds": round(self.seconds, 3),
            "of_classifier": self.of_classifier,
            "certified": [i for i, each in enumerate(self.certified) if each],
            self.unit: list(self.bounds),
        }


def certificate_cautions(
    certificate: Certificate | None, results: Iterable[AttackResult]
) -> tuple[Caution, ...]:
    """Returns what a reader of a certificate beside attacks must know.

    Args:
        certificate: The certificate, if there is one.
        results: Those of the attacks on the same images.

    Example:
    >>> found = Certificate("ibp", "", (True, True), (0.1, 0.2), "margin")
    >>> pgd = AttackResult("pgd20", "", (False, True))
    >>> [c.code for c in certificate_cautions(found, (pgd,))]
    ['certificate_broken']
    """
    if certificate is None:
        return ()
    if not certificate.of_classifier:
        return (
            Caution(
                "smoothed",
                "The certified accuracy is that of the smoothed classifier, "
                "which the attacks of this report do not attack.",
            ),
        )
    broken = {
        i: result.name
        for result in results
        for i, (proven, found) in enumerate(
            zip(certificate.certified, result.broken, strict=True)
        )
        if proven and found
    }
    if not broken:
        return ()
    named = ", ".join(f"{i} ({name})" for i, name in sorted(broken.items()))
    return (
        Defect(
            "certificate_broken",
            f"Attacks broke images that {certificate.method} certified, so "
            "one of the two is wrong: please report it, with model and "
            f"images. Positions: {named}",
        ),
    )
