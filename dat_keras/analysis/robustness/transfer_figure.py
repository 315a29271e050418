"""Figure of a transfer matrix."""

from __future__ import annotations

from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import new_figure, wrapped
from dat_keras.analysis.robustness.figures import WIDTH
from dat_keras.analysis.robustness.heat_map import heat_map
from dat_keras.evaluation.transfer import TransferMatrix


def transfer_figure(matrix: TransferMatrix) -> Figure:
    """Accuracy of columns on images attacked on rows.

    Args:
        matrix: The accuracies.
    """
    shares = 100 * matrix.accuracy
    names = [wrapped(name, 16) for name in matrix.names]
    figure = new_figure(WIDTH, 2.6 + 0.55 * len(names), f"{matrix.title()}.")
    axis = figure.subplots()
    heat_map(axis, shares, "accuracy (%)", fontsize=8)
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_xlabel("accuracy of", fontsize=8)
    axis.set_ylabel("attacked on", fontsize=8)
    axis.tick_params(length=0)
    return figure
