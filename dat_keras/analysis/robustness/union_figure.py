"""Figure of accuracy in several norms and in the worst of them."""

from __future__ import annotations

from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import ORANGE, SKY, new_figure, wrapped
from dat_keras.analysis.robustness.bars import accuracy_bars
from dat_keras.analysis.robustness.figures import WIDTH
from dat_keras.analysis.robustness.union_accuracies import UnionAccuracies


def union_figure(name: str, union: UnionAccuracies) -> Figure:
    """Accuracy of each attack in each norm, the worst case hatched.

    Args:
        name: Name of the classifier.
        union: Its accuracies.
    """
    rows = union.rows()
    caption = (
        f"{union.title()}. Hatched: images robust in every norm. "
        "Whiskers: 95 % Wilson interval."
    )
    figure = new_figure(WIDTH, 1.6 + 0.32 * len(rows), caption)
    figure.suptitle(wrapped(name, 44), fontsize=10)
    accuracy_bars(
        figure.subplots(),
        [row.label for row in rows],
        [row.left for row in rows],
        union.first.n_examples,
        [ORANGE if row.is_worst else SKY for row in rows],
        ["//" if row.is_worst else "" for row in rows],
    )
    return figure
