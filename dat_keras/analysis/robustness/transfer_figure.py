"""Figure of a transfer matrix."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import new_figure, wrapped
from dat_keras.analysis.robustness.figures import WIDTH
from dat_keras.evaluation.transfer import TransferMatrix

MOST_NUMBERS = 12
"""Most models whose accuracies are written into the matrix."""


def transfer_figure(matrix: TransferMatrix) -> Figure:
    """Accuracy of columns on images attacked on rows.

    Args:
        matrix: The accuracies.
    """
    shares = 100 * matrix.accuracy
    names = [wrapped(name, 16) for name in matrix.names]
    figure = new_figure(WIDTH, 2.6 + 0.55 * len(names), f"{matrix.title()}.")
    axis = figure.subplots()
    drawn = axis.imshow(shares, cmap="cividis", vmin=0, vmax=100)
    if len(names) <= MOST_NUMBERS:
        for (row, column), share in zip(
            np.ndindex(shares.shape), shares.flat, strict=True
        ):
            axis.text(
                column,
                row,
                f"{share:.0f}",
                color="black" if share > 48 else "white",
                ha="center",
                va="center",
                fontsize=8,
            )
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_xlabel("accuracy of", fontsize=8)
    axis.set_ylabel("attacked on", fontsize=8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axis, shrink=0.8)
    bar.set_label("accuracy (%)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure
