"""What the results of a report say about the classifier and the attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dat_keras.attacks import EachTarget, StagedAttack
from dat_keras.core.threat_models import Linf, ThreatModel
from dat_keras.evaluation.plausibility import implausible
from dat_keras.evaluation.results import AttackResult, Caution

GRADIENT_PARTS = ("apgd", "fab")
"""How the names of the parts begin that follow gradients."""


def report_cautions(
    results: Sequence[AttackResult], best: float, first: int = 0
) -> tuple[Caution, ...]:
    """Returns the cautions about the results of a report, each once.

    Args:
        results: The results.
        best: See `implausible`.
        first: Position of the first image.
    """
    own = dict.fromkeys(c for result in results for c in result.cautions)
    invalid = (
        Caution(
            "verify_fail",
            f"{result.name} returned images outside the threat model; they "
            "count as robust. Positions: "
            + ", ".join(str(first + i) for i in result.invalid),
        )
        for result in results
        if result.invalid
    )
    return (*own, *implausible(results, best), *invalid)


def setting_cautions(
    trained: tuple[str | None, str | None], used: tuple[str, str]
) -> tuple[Caution, ...]:
    """Returns what the settings say that a classifier was not trained for.

    Args:
        trained: Its data set and norm; `None` if unknown.
        used: Data set and norm of the evaluation.

    Example:
    >>> [c.code for c in setting_cautions(("a", "linf"), ("a", "l2"))]
    ['other_norm']
    """
    (own_data, own_norm), (data, norm) = trained, used
    found = []
    if own_data not in (None, data):
        found.append(
            Caution(
                "other_data",
                f"the classifier was trained on {own_data}, not on {data}: "
                "classes and images may be others.",
            )
        )
    if own_norm not in (None, norm):
        found.append(
            Caution(
                "other_norm",
                f"the classifier was trained against attacks in {own_norm}, "
                f"not in {norm}: its accuracy under them says little about "
                "the training method.",
            )
        )
    return tuple(found)


def ensemble_cautions(
    results: Sequence[AttackResult],
    classes: int,
    image_shape: Sequence[int],
    threat_model: ThreatModel,
    planned: Mapping[str, StagedAttack],
) -> list[Caution]:
    """Returns what the results of an ensemble's parts say.

    Args:
        results: Those of the parts, natural errors first.
        classes: Number of classes.
        image_shape: `(H, W, C)`.
        threat_model: The set that was searched.
        planned: The parts by name, of an ensemble for any number of classes.
    """
    height, width, _ = image_shape
    fall = {
        result.name: before.accuracy - result.accuracy
        for before, result in zip(results, results[1:], strict=False)
    }
    found = []
    names = [result.name for result in results]
    before = names[: names.index("square")] if "square" in names else []
    follows = any(name.startswith(GRADIENT_PARTS) for name in before)
    if follows and fall["square"] > 0.002:
        found.append(
            Caution(
                "square_better",
                f"Square alone broke {100 * fall['square']:.1f} points more "
                "than the attacks that follow gradients: these cannot be "
                "trusted here. Give Square more queries.",
            )
        )
    if "apgd-ce" in fall and fall.get("apgd-t", 0.0) > 0.1:
        found.append(
            Caution(
                "masking",
                f"APGD-T broke {100 * fall['apgd-t']:.1f} points more than "
                "APGD-CE, a sign of masked gradients.",
            )
        )
    fewer = [
        f"{name} tries {part.stages(classes)} targets, not {part.targets}"
        for name, part in planned.items()
        if isinstance(part, EachTarget) and part.stages(classes) < part.targets
    ]
    if any(name.startswith("apgd-t-") for name in names):
        fewer.append("apgd-t has another loss")
    if fewer:
        found.append(
            Caution("n_classes", f"With {classes} classes {'; '.join(fewer)}.")
        )
    oblong = height != width and not isinstance(threat_model, Linf)
    if oblong and "square" in fall:
        found.append(
            Caution(
                "oblong",
                f"Images of {height} x {width}: Square's first pattern, "
                "published for square images, has more tiles here.",
            )
        )
    return found
