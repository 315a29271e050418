"""Heat maps of shares in percent, with their numbers and a colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

MOST_NUMBERS = 12
"""Most rows whose numbers are written into the cells."""


def heat_map(
    axis: Axes,
    shares: Sequence[Sequence[float]] | np.ndarray,
    label: str,
    *,
    fontsize: float = 7,
    least: float = 0.0,
    most: int = MOST_NUMBERS,
    aspect: Literal["equal", "auto"] = "equal",
) -> None:
    """Draws shares as colours, and as numbers where there is room.

    Args:
        axis: Where to draw.
        shares: In percent, row by row.
        label: Of the colour bar.
        fontsize: Of the numbers.
        least: Smaller shares have no number.
        most: Most rows that have numbers.
        aspect: `"auto"` for cells that fill the axis, `"equal"` for squares.
    """
    drawn = axis.imshow(shares, cmap="cividis", vmin=0, vmax=100, aspect=aspect)
    shown = enumerate(shares) if len(shares) <= most else ()
    for row, values in shown:
        for column, share in enumerate(values):
            if share >= least:
                axis.text(
                    column,
                    row,
                    f"{share:.0f}",
                    color="black" if share > 50 else "white",
                    ha="center",
                    va="center",
                    fontsize=fontsize,
                )
    axis.spines[:].set_visible(False)
    bar = axis.figure.colorbar(drawn, ax=axis, shrink=0.8)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)
