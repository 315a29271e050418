"""Shows figures in a notebook, in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dat_keras.utils.packages import check_installed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_notebook() -> None:
    """Refuses to draw without matplotlib or IPython.

    Raises:
        MissingPackageError: If one is not installed.
    """
    check_installed("matplotlib", "figures", "plots")
    check_installed("IPython", "figures in a notebook", "notebook")


def show_figures(figures: Iterable[Figure]) -> None:
    """Shows figures below the cell of a notebook.

    Args:
        figures: Figures of matplotlib.
    """
    from IPython.display import Image, display

    from dat_keras.analysis.plot_style import png

    for figure in figures:
        display(Image(data=png(figure)))
