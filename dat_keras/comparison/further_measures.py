"""What a comparison measures beside attacks, and passes of a random net."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.corruptions import SEVERITIES
from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.evaluation.corruptions import checked_severities, selected
from dat_keras.recipes import Recipe
from dat_keras.utils.registry import lookup

BOUNDS = {"ibp": "certified (ibp)", "crown-ibp": "certified (crown-ibp)"}
"""Columns of the certification methods that need no setting."""
CORRUPTED = "corrupted"
"""Column of the natural accuracy on corrupted images: 1 minus the mCE."""


@dataclass(frozen=True)
class FurtherMeasures:
    """Measures of every run, each a column of the table.

    Args:
        certify: `"ibp"` or `"crown-ibp"`: certified accuracy in linf, at
            the radius of its attacks (8/255).
        corruptions: Names of corruptions, or `("all",)`: the mean accuracy on
            images with them.
        severities: Of 1 to 5, the severities of the corruptions.
        eot: Passes over which attacks average logits and gradients of a
            classifier that draws random numbers. Default: 1, none.
        transfer: Whether each row is also measured on the adversarial images
            of all rows (`grid_transfer.py`).

    Raises:
        ValueError: If a name is unknown, a severity is none, or passes would
            be averaged on corrupted images.

    Example:
    >>> FurtherMeasures("ibp", ("fog", "snow")).columns
    ('certified (ibp)', 'corrupted')
    """

    certify: str | None = None
    corruptions: tuple[str, ...] = ()
    severities: tuple[int, ...] = SEVERITIES
    eot: int = 1
    transfer: bool = False

    def __post_init__(self) -> None:
        """Refuses what is unknown."""
        if self.certify is not None:
            lookup(BOUNDS, self.certify, "certification method")
        if self.corruptions:
            selected(self.corruption_names)
        elif tuple(self.severities) != SEVERITIES:
            raise ValueError(
                "`severities` needs `corruptions`. "
                f"Received: severities={self.severities}"
            )
        checked_severities(self.severities)
        if self.eot > 1 and self.corruptions:
            raise ValueError(
                "`eot` takes no `corruptions`, which are measured in single "
                f"passes. Received: eot={self.eot}"
            )

    def certify_in(self, norm: str) -> str | None:
        """Returns the certification method where its balls have this norm.

        Args:
            norm: Key of `THREAT_MODELS`.

        Example:
        >>> measures = FurtherMeasures(certify="ibp")
        >>> measures.certify_in("linf"), measures.certify_in("l2")
        ('ibp', None)
        """
        if self.certify is None or certifier_of(self.certify).norm != norm:
            return None
        return self.certify

    @property
    def corruption_names(self) -> str | tuple[str, ...]:
        """As `evaluate_corruptions` takes them."""
        return "all" if self.corruptions == ("all",) else self.corruptions

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        certified = (BOUNDS[self.certify],) if self.certify else ()
        return (*certified, *([CORRUPTED] if self.corruptions else []))

    def title(self) -> str:
        """Returns what the title of the table says of averaged passes.

        Example:
        >>> FurtherMeasures(eot=8).title(), FurtherMeasures().title()
        ('means of 8 passes, ', '')
        """
        return f"means of {self.eot} passes, " if self.eot > 1 else ""

    def check(self, recipe: Recipe) -> None:
        """Refuses a recipe whose classifier has no bounds, before it trains.

        Raises:
            ValueError: If a layer has none.
        """
        if self.certify and recipe.init is None:
            net = recipe.classifier((32, 32, 3), 2)
            certifier_of(self.certify).check(net)

    def accuracies(self, report: dict, corrupted: dict | None) -> list[float]:
        """Returns the accuracy of each column.

        Args:
            report: What `Report.to_json` returned.
            corrupted: What `CorruptionReport.to_json` returned, if anything.
        """
        found = [report["certificate"]["accuracy"]] if self.certify else []
        if self.corruptions and corrupted:
            found.append(1.0 - corrupted["mean_corruption_error"]["natural"])
        return found
