"""Options of `evaluate` that the given attacks do not read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dat_keras.evaluation.context import Evaluation
from dat_keras.kernels.fold_batch_norm import DTYPES
from dat_keras.utils.registry import lookup


def check_effects(
    search_dtype: str | None,
    resume: Path | None,
    evaluations: Mapping[str, Evaluation],
) -> None:
    """Refuses options that would have no effect.

    Args:
        search_dtype: Type in which attacks run; `None` is the model's own.
        resume: Folder of the state of an evaluation.
        evaluations: Attacks by name.

    Raises:
        ValueError: If an option has no effect on these attacks.
    """
    if search_dtype is not None:
        lookup(DTYPES, search_dtype, "search_dtype")
        if set(evaluations) == {"natural"}:
            raise ValueError(
                "`search_dtype` is the type in which attacks run. Received: "
                f"search_dtype={search_dtype!r}, attacks=natural"
            )
    if resume is not None and not any(
        each.keeps_state for each in evaluations.values()
    ):
        raise ValueError(
            "`resume` needs an attack that saves its state: AutoAttack, one "
            f"of its parts or `fmn`. Received: attacks={', '.join(evaluations)}"
        )
