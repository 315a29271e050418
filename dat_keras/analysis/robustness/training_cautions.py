"""Cautions that the history of a run gives: catastrophic overfitting."""

from __future__ import annotations

from dat_keras.analysis.robustness.run_record import RunRecord
from dat_keras.evaluation.results import Caution
from dat_keras.training.catastrophic_overfitting import NAMES, is_overfitted


def training_cautions(record: RunRecord) -> tuple[Caution, ...]:
    """Returns what the epochs of a run with a single-step method say.

    Args:
        record: The run. Histories of other methods lack the two accuracies
            and give no caution.
    """
    if not set(NAMES) <= set(record.columns):
        return ()
    pairs = list(zip(*map(record.column, NAMES), strict=True))
    found = [is_overfitted(step, strong) for step, strong in pairs]
    if True not in found:
        return ()
    last = len(found) - 1 - found[::-1].index(True)
    step, strong = pairs[last]
    good = [epoch for epoch, bad in enumerate(found, 1) if not bad]
    kept = (
        f"The weights of epoch {good[-1]} are without it: "
        "--weights last-good measures them."
        if good
        else "No epoch was without it."
    )
    return (
        Caution(
            "catastrophic_overfitting",
            f"In {sum(found)} of {len(found)} epochs the training was robust "
            "to its own single step alone: in epoch "
            f"{last + 1} training images were {step:.0%} accurate under that "
            f"step, {strong:.0%} under PGD-10. {kept}",
        ),
    )
