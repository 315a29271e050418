"""Rules of `evaluate(eot=N)`: expectation over transformations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from dat_keras.evaluation.context import Evaluation, EvaluationContext
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.evaluation.sanity_checks import RANDOMIZED, sanity_cautions


def check_eot(
    eot: int, evaluations: Mapping[str, Evaluation], sharded: bool
) -> None:
    """Refuses a number of passes that is out of range or has no effect.

    Args:
        eot: Number of passes.
        evaluations: Attacks by name.
        sharded: Whether a part of the images is evaluated.

    Raises:
        ValueError: If there is no pass, or another rule sets their number.
    """
    if eot < 1:
        raise ValueError(f"`eot` must be at least 1. Received: eot={eot}")
    if eot == 1:
        return
    own = [
        name
        for name, each in evaluations.items()
        if isinstance(each, AttackEnsemble) and each.draws > 1
    ]
    if own:
        raise ValueError(
            f"`eot` takes no `{own[0]}`, which averages passes of its own; "
            f"use `autoattack`. Received: eot={eot}"
        )
    if set(evaluations) == {"natural"}:
        raise ValueError(
            "`eot` averages the passes of an attack. "
            f"Received: eot={eot}, attacks=natural"
        )
    if sharded:
        raise ValueError(
            "`eot` takes no `shard`: no report could be merged. "
            f"Received: eot={eot}"
        )


def eot_cautions(context: EvaluationContext) -> tuple[Caution, ...]:
    """Returns what `sanity_cautions` finds in single passes, and what EOT is.

    Args:
        context: The classifier and the images.
    """
    if context.eot == 1:
        return sanity_cautions(context)
    found = sanity_cautions(replace(context, draws=1, eot=1))
    mean = Caution(
        "eot",
        f"Logits, losses and gradients are means over {context.eot} passes "
        "of a randomised classifier (EOT): do not compare these accuracies "
        "with those of single passes.",
    )
    useless = Caution(
        "eot_deterministic",
        "Passes over the same images agree, so EOT changes nothing but takes "
        f"{context.eot} times as long.",
    )
    kept = tuple(caution for caution in found if caution != RANDOMIZED)
    return (mean if RANDOMIZED in found else useless, *kept)


def with_eot(result: AttackResult, eot: int) -> AttackResult:
    """Returns a result whose settings name the number of passes.

    Args:
        result: The result.
        eot: Number of passes.

    Example:
    >>> with_eot(AttackResult("fgsm", "PGD()", (True,)), 4).settings
    'EOT(PGD(), draws=4)'
    """
    return replace(result, settings=settings_with(result.settings, eot))


def settings_with(settings: str, eot: int) -> str:
    """Returns settings of an attack that name the number of passes.

    Args:
        settings: As `repr` prints the attack.
        eot: Number of passes.
    """
    return settings if eot == 1 else f"EOT({settings}, draws={eot})"


def passes_of(settings: str) -> int:
    """Returns the number of passes that the settings of a result name.

    Args:
        settings: As `settings_with` returns them.

    Example:
    >>> passes_of("EOT(PGD(), draws=4)"), passes_of("PGD()")
    (4, 1)
    """
    found = re.fullmatch(r"EOT\(.*, draws=(\d+)\)", settings, re.S)
    return int(found[1]) if found else 1
