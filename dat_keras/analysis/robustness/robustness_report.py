"""`RobustnessReport`: the numbers of a report, and their figures."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.analysis.notebook import check_notebook, show_figures
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers


@dataclass(frozen=True)
class RobustnessReport(RobustnessNumbers):
    """What `write_report` returns.

    `print(report)` shows the main table, a notebook shows it where the report
    ends a cell, and `report.show()` the figures of its numbers there.

    Args:
        models: See `RobustnessNumbers`, and so the others.
    """

    def show(self) -> None:
        """Shows the figures in a notebook; images are only on the page.

        Raises:
            MissingPackageError: Without matplotlib or IPython.
        """
        check_notebook()
        from dat_keras.analysis.robustness.number_figures import number_figures

        show_figures(number_figures(self))
