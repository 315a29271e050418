"""Horizontal bars of accuracies, with their intervals and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from dat_keras.analysis.plot_style import SKY, intervals_of


def accuracy_bars(
    axis: Axes,
    labels: Sequence[str],
    counts: Sequence[int],
    total: int,
    colors: Sequence[str] | None = None,
    hatches: Sequence[str] | None = None,
) -> None:
    """Draws a bar for each accuracy, the first one on top.

    Args:
        axis: Where to draw.
        labels: Names of the bars.
        counts: Images that are right, of each bar.
        total: Number of images.
        colors: Of the bars. Default: one for all.
        hatches: Of the bars. Default: none.
    """
    heights, errors = intervals_of(counts, total)
    places = range(len(counts))
    axis.barh(
        places,
        heights,
        xerr=errors,
        capsize=3,
        height=0.62,
        color=list(colors or [SKY]),
        hatch=list(hatches) if hatches else None,
    )
    for place, height, above in zip(places, heights, errors[1], strict=True):
        axis.text(
            height + above + 1.5,
            place,
            f"{height:.1f}",
            va="center",
            fontsize=8,
        )
    axis.set_yticks(places, labels, fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(0, 112)
    axis.set_xticks(range(0, 101, 20))
    axis.set_xlabel("accuracy (%)")
    axis.spines[["top", "right"]].set_visible(False)
