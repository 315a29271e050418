"""Colours, markers and captions that all figures of an analysis share.

The colours are Okabe and Ito's, which colour-blind readers tell apart; no
series is known by its colour alone.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dat_keras.utils.intervals import wilson

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#8C959F"

SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = "osD^vP"
LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))

VARIANT_COLORS = (GREY, PURPLE, ORANGE, BLUE)
VARIANT_HATCHES = ("", "", "//", "..")
VARIANT_MARKERS = "XosD"

PANEL = 3.2
"""Width of a panel in inches."""
MOST_COLUMNS = 4
CHARACTERS = 15
"""Characters of a caption to an inch."""


def series(count: int) -> list[dict]:
    """Returns the look of each of `count` lines.

    The three lists have lengths without a common divisor, so that looks
    repeat after 210 lines.

    Args:
        count: Number of lines.

    Example:
    >>> series(1)[0]["marker"]
    'o'
    """
    looks = zip(cycle(SERIES), cycle(MARKERS), cycle(LINES), strict=False)
    return [
        {"color": c, "marker": m, "linestyle": s, "markersize": 4}
        for c, m, s in islice(looks, count)
    ]


def wrapped(text: str, width: int = 26) -> str:
    """Returns a name in lines that fit above a panel.

    Example:
    >>> wrapped("cifar10-pgd-at-resnet8", 15)
    'cifar10-pgd-at-\\nresnet8'
    """
    return "\n".join(textwrap.wrap(text, width))


def grid(count: int, caption: str) -> tuple[Figure, list[Axes]]:
    """Returns a figure of panels with one y axis, and its caption below.

    Args:
        count: Number of panels.
        caption: What was measured.

    Example:
    >>> _, axes = grid(5, "five panels")
    >>> [axis.get_subplotspec().rowspan.start for axis in axes]
    [0, 0, 0, 1, 1]
    """
    rows = math.ceil(count / MOST_COLUMNS)
    columns = math.ceil(count / rows)
    figure = new_figure(max(columns * PANEL, 5.5), rows * 3.1 + 0.5, caption)
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    for axis in axes.flat:
        axis.grid(axis="y", color="#d0d7de", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat[:count])


def new_figure(width: float, height: float, caption: str) -> Figure:
    """Returns an empty figure with a caption.

    Args:
        width: In inches.
        height: In inches.
        caption: What was measured.
    """
    room = ConstrainedLayoutEngine(h_pad=0.08)  # inches
    figure = Figure((width, height), dpi=130, layout=room)
    lines = textwrap.wrap(caption, int(width * CHARACTERS))
    figure.supxlabel("\n".join(lines), fontsize=7.5, color="#57606a")
    return figure


def percent_axis(axis: Axes, label: str = "accuracy (%)") -> None:
    """Scales an axis of accuracies from 0 to 100 %."""
    axis.set_ylim(0, 110)
    axis.set_yticks(range(0, 101, 20))
    axis.set_ylabel(label)


def intervals_of(
    counts: Sequence[int], total: int
) -> tuple[list[float], list[list[float]]]:
    """Returns accuracies in percent, and how far their intervals reach.

    Args:
        counts: Numbers of images that are right.
        total: Number of images.

    Returns:
        Heights, and for each the reach of its 95 % Wilson interval, first all
        below, then all above, as `errorbar` takes them.
    """
    heights = [100 * count / total for count in counts]
    ends = [wilson(count, total) for count in counts]
    below = [h - 100 * low for h, (low, _) in zip(heights, ends, strict=True)]
    above = [100 * up - h for h, (_, up) in zip(heights, ends, strict=True)]
    return heights, [[max(0.0, b) for b in below], [max(0, a) for a in above]]


def draw_image(axis: Axes, image: np.ndarray) -> None:
    """Draws an image of one or three channels; of others the first."""
    colour = image.shape[-1] == 3
    axis.imshow(
        image if colour else image[..., 0],
        cmap=None if colour else "gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    without_ticks(axis)


def without_ticks(axis: Axes) -> None:
    """Removes the ticks of an axis."""
    axis.set_xticks([])
    axis.set_yticks([])


def png(figure: Figure) -> bytes:
    """Returns a figure as the bytes of a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
