"""What was measured on one classifier: curve, confusion, breaking radii."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.analysis.robustness.attack_accuracies import AttackAccuracy
from dat_keras.analysis.robustness.certified_accuracies import (
    CertifiedAccuracy,
)
from dat_keras.analysis.robustness.smallest_perturbations import (
    SmallestPerturbations,
)
from dat_keras.analysis.robustness.survivors import Survivors
from dat_keras.analysis.robustness.union_accuracies import UnionAccuracies
from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.evaluation.results import Caution
from dat_keras.utils.norms import pixel_fraction


def radius_text(eps: float) -> str:
    """Returns a radius as text: small ones in parts of 255, as papers do.

    Example:
    >>> radius_text(8 / 255), radius_text(0.5), radius_text(1.0)
    ('8/255', '0.5', '1')
    """
    return pixel_fraction(eps) if eps < 0.25 else f"{eps:g}"


@dataclass(frozen=True)
class RadiusCount:
    """Robust images at a radius.

    Args:
        eps: The radius, in pixel units of `[0, 1]`; 0 is no attack.
        correct: Images that are right before and under the attack.
    """

    eps: float
    correct: int


@dataclass(frozen=True)
class Confusion:
    """Which class is taken for which.

    Args:
        counts: `counts[i][j]` is the number of images of class `i` that are
            taken for class `j`.

    Example:
    >>> found = Confusion(((3, 1), (2, 0)))
    >>> found.totals, found.right, found.mistake(1)
    ((4, 2), (3, 0), (0, 2))
    """

    counts: tuple[tuple[int, ...], ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """Images of each class."""
        return tuple(map(sum, self.counts))

    @property
    def right(self) -> tuple[int, ...]:
        """Images of each class that are taken for it."""
        return tuple(row[i] for i, row in enumerate(self.counts))

    def mistake(self, label: int) -> tuple[int, int] | None:
        """Returns the class that a class is most often wrongly taken for.

        Args:
            label: The class.

        Returns:
            That class and the number of images; `None` without a mistake.
        """
        wrong = [
            (n, -i) for i, n in enumerate(self.counts[label]) if i != label
        ]
        count, other = max(wrong, default=(0, 0))
        return (-other, count) if count else None


@dataclass(frozen=True)
class BreakingRadius:
    """The smallest radius at which an image was broken.

    Args:
        position: Position of the image in the data.
        label: Its class.
        eps: The radius; `None` if no radius of the search broke it.
        taken_for: Class of the adversarial image.
    """

    position: int
    label: int
    eps: float | None
    taken_for: int


@dataclass(frozen=True)
class ModelRobustness:
    """Everything that was measured on one classifier.

    Args:
        name: What the report calls it.
        sha256: Fingerprint of its weights.
        curve: Robust images by radius under PGD-20, from 0; the last radius
            is one whose ball holds every image.
        apgd: Images that are robust under PGD-20 and then under APGD-CE, at
            some of these radii; empty if APGD was not run.
        clean: Confusion without an attack.
        attacked: Confusion under the attack at the report's radius; an image
            that is wrong before is not attacked.
        breaking: Of some images that are right, least robust first.
        step: Distance between the radii of that search.
        limit: Its largest radius.
        cautions: What a reader of the numbers must know.
        autoattack: What AutoAttack left, of each of its runs.
        distances: Distances that minimum-norm attacks found.
        corruptions: Accuracies on corrupted images.
        unions: Accuracies in several norms and in the worst of them.
        certificates: Certified accuracies.
        attacks: Accuracies that files of `evaluate` hold.
    """

    name: str
    sha256: str
    curve: tuple[RadiusCount, ...]
    apgd: tuple[RadiusCount, ...]
    clean: Confusion
    attacked: Confusion
    breaking: tuple[BreakingRadius, ...]
    step: float
    limit: float
    cautions: tuple[Caution, ...]
    autoattack: tuple[Survivors, ...] = ()
    distances: tuple[SmallestPerturbations, ...] = ()
    corruptions: tuple[CorruptionReport, ...] = ()
    unions: tuple[UnionAccuracies, ...] = ()
    certificates: tuple[CertifiedAccuracy, ...] = ()
    attacks: tuple[AttackAccuracy, ...] = ()
