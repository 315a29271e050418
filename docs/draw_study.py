"""Draws `docs/images/study.png`: robust accuracy along the trainings.

python docs/draw_study.py

Reads `benchmarks/results/study_curves.csv`, the validation accuracy of each run
of the study (docs/study.md) after each epoch.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import grid, png, series

ROOT = Path(__file__).parents[1]
CURVES = ROOT / "benchmarks" / "results" / "study_curves.csv"
ARMS = {
    "pgd-at": "PGD-AT",
    "trades": "TRADES",
    "base-only": "base-only",
    "dat": "DAT",
    "matched": "DAT, match_mean",
}
WINDOW = 9
"""Epochs of a running mean."""


def curves() -> dict[str, dict[str, np.ndarray]]:
    """Accuracies in percent, by seed and arm, an epoch each."""
    found: dict[str, dict[str, list[float]]] = {}
    with CURVES.open() as file:
        for row in csv.DictReader(file):
            arms = found.setdefault(row["seed"], {})
            accuracy = 100 * float(row["val_robust_accuracy"])
            arms.setdefault(row["arm"], []).append(accuracy)
    return {
        seed: {arm: np.array(values) for arm, values in arms.items()}
        for seed, arms in found.items()
    }


def smooth(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Epochs, and the mean of the `WINDOW` epochs around each."""
    kernel = np.full(WINDOW, 1 / WINDOW)
    means = np.convolve(values, kernel, mode="valid")
    return 1 + WINDOW // 2 + np.arange(len(means)), means


def drawn() -> Figure:
    """A panel for each seed, a line for each arm."""
    seeds = curves()
    caption = (
        "PGD-10 on 500 validation images of CIFAR-10, linf eps 8/255; means of "
        f"{WINDOW} epochs."
    )
    figure, axes = grid(len(seeds), caption)
    figure.set_size_inches(8.5, 4.2)
    for axis, (seed, arms) in zip(axes, seeds.items(), strict=True):
        for look, (arm, name) in zip(
            series(len(ARMS)), ARMS.items(), strict=True
        ):
            epochs, means = smooth(arms[arm])
            axis.plot(epochs, means, label=name, markevery=8, **look)
        axis.set_title(f"seed {seed}", fontsize=9)
        axis.set_xlabel("epoch")
        axis.set_ylim(10, 24)
    axes[0].set_ylabel("robust accuracy (%)")
    axes[0].legend(fontsize=8, loc="lower center")
    return figure


if __name__ == "__main__":
    picture = ROOT / "docs" / "images" / "study.png"
    picture.write_bytes(png(drawn()))
