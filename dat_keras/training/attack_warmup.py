"""Warm-up of the training's attack: eps and step size grow from zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tensorflow as tf

from dat_keras.attacks import PGD
from dat_keras.objectives import Objective
from dat_keras.objectives.base import ramped
from dat_keras.utils.kinds import described, fits


def check_warmup(share: Any, objective: Objective) -> None:
    """Refuses a warm-up that is no share, or of an attack that cannot grow.

    Args:
        share: Share of the run that the warm-up takes; 0 for none.
        objective: The training method.

    Raises:
        ValueError: With the reason.

    Example:
    >>> from dat_keras.objectives import Natural
    >>> check_warmup(0.5, Natural())
    Traceback (most recent call last):
    ...
    ValueError: `attack_warmup` needs a method whose `attack` is a PGD, and
    that has no schedule of its own. Received: Natural
    """
    if not fits(share, float) or not 0.0 <= share <= 1.0:
        raise ValueError(
            "`attack_warmup` is a share of the run, in [0, 1]. "
            f"Received: attack_warmup={described(share)}"
        )
    attack = getattr(objective, "attack", None)
    if share and (objective.needs_run_length or not isinstance(attack, PGD)):
        raise ValueError(
            "`attack_warmup` needs a method whose `attack` is a PGD, and that "
            "has no schedule of its own. "
            f"Received: {type(objective).__name__}"
        )


def warmed(objective: Objective, progress: tf.Tensor, share: float) -> Any:
    """Returns a method with the attack of this moment of the run.

    Args:
        objective: The method after the warm-up.
        progress: Share of the run that is done, a scalar.
        share: Share of the run that the warm-up takes; 0 for none.

    Example:
    >>> from dat_keras.objectives import PGDAT
    >>> half = warmed(PGDAT(), tf.constant(0.1), 0.2)
    >>> round(float(half.attack.threat_model.eps * 255), 4)
    4.0
    """
    if not share:
        return objective
    attack = ramped(objective.attack, progress, share)  # type: ignore
    return replace(objective, attack=attack)  # type: ignore[call-arg]
