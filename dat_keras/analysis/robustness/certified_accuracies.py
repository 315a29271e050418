"""`CertifiedAccuracy`: images proven robust, beside attacks on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dat_keras.analysis.html_page import Cells
from dat_keras.analysis.robustness.attack_accuracies import (
    AttackAccuracy,
    attacks_of,
    share_text,
)
from dat_keras.utils.norms import pixel_fraction


@dataclass(frozen=True)
class CertifiedAccuracy:
    """What a certificate proves of one classifier.

    Args:
        method: Key of `CERTIFIERS`.
        settings: All its settings, as `repr` prints them.
        correct: Images that are proven right in the whole ball.
        radii: Certified radius of each image, 0 for one that is wrong; empty
            if the method bounds margins at one radius.
        attacks: Accuracies on the same images, natural accuracy first.
        of_classifier: Whether it holds for the classifier that attacks see,
            and not for a smoothed one that is made of it.

    Example:
    >>> natural = AttackAccuracy(
    ...     "natural", "l2", 0.5, 3, 4, "toy", "strict", 0
    ... )
    >>> found = CertifiedAccuracy(
    ...     "smoothing", "", 1, (0.0, 0.25, 0.25, 1.0), (natural,), False
    ... )
    >>> found.curve()
    ([0.0, 0.25, 1.0], [0.75, 0.25, 0.0])
    >>> found.title()
    '4 images of toy, l2 eps 0.5, certified by smoothing, seed 0'
    """

    method: str
    settings: str
    correct: int
    radii: tuple[float, ...]
    attacks: tuple[AttackAccuracy, ...]
    of_classifier: bool = True

    @property
    def norm(self) -> str:
        """Key of `THREAT_MODELS`."""
        return self.attacks[0].norm

    @property
    def eps(self) -> float:
        """Radius, in pixel units of `[0, 1]`."""
        return self.attacks[0].eps

    @property
    def n_examples(self) -> int:
        """Number of images."""
        return self.attacks[0].n_examples

    def title(self) -> str:
        """Returns what was measured, in one line."""
        first = self.attacks[0]
        return (
            f"{first.n_examples} images of {first.data}, {first.norm} eps "
            f"{pixel_fraction(first.eps)}, certified by {self.method}, "
            f"seed {first.seed}"
        )

    def finding(self) -> str:
        """Returns the certified accuracy in words."""
        share = 100 * self.correct / self.n_examples
        of = "" if self.of_classifier else " by the smoothed classifier"
        return f"certified {share:.1f} %{of}: {self.title()}"

    def rows(self) -> list[tuple[str, int]]:
        """Returns names and images left, the certificate last."""
        attacks = [(each.attack, each.correct) for each in self.attacks]
        return [*attacks, (f"certified ({self.method})", self.correct)]

    def curve(self) -> tuple[list[float], list[float]]:
        """Returns radii, and the certified accuracy from each on, as shares.

        An image counts below its radius and not at it.
        """
        places = sorted({0.0, *self.radii})
        total = len(self.radii)
        left = [sum(each > place for each in self.radii) for place in places]
        return places, [count / total for count in left]

    def cells(self) -> Cells:
        """Returns the accuracies as a table, the certificate last."""
        first = self.attacks[0]
        header = ["measured", "norm, eps", "accuracy", "images", "seed"]
        rows = [
            [
                name,
                f"{first.norm} {pixel_fraction(first.eps)}",
                share_text(count, first.n_examples),
                f"{first.n_examples} of {first.data}",
                str(first.seed),
                "-",
            ]
            for name, count in self.rows()
        ]
        rows[-1][-1] = self.settings
        return [[*header, "settings"], *rows]

    def radius_cells(self) -> Cells:
        """Returns the certified accuracy at nine radii up to the largest."""
        most = max(self.radii)
        rows = [[f"{self.norm} eps", "certified accuracy"]]
        for i in range(9):
            radius = most * i / 8
            count = sum(each > radius for each in self.radii)
            rows.append([f"{radius:.3g}", share_text(count, len(self.radii))])
        return rows


def certificates_of(report: Mapping[str, Any]) -> list[CertifiedAccuracy]:
    """Returns what a report of `evaluate` holds, perhaps nothing.

    Args:
        report: What its `to_json` returned.
    """
    found = report.get("certificate")
    if not found:
        return []
    return [
        CertifiedAccuracy(
            str(found["method"]),
            str(found["settings"]),
            int(found["correct"]),
            tuple(map(float, found.get("radius", ()))),
            tuple(attacks_of(report)),
            bool(found["of_classifier"]),
        )
    ]
