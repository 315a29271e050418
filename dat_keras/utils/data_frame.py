"""Rows of a report as a pandas DataFrame; pandas is optional."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dat_keras.utils.packages import check_installed

if TYPE_CHECKING:
    import pandas


def data_frame(
    rows: Iterable[Mapping[str, object]] | Mapping[str, Any],
) -> pandas.DataFrame:
    """Returns a table with named columns.

    Args:
        rows: One mapping from column to value for each row, or one sequence
            for each column.

    Raises:
        MissingPackageError: If pandas is not installed.

    Example:
    >>> data_frame([{"eps": 0.0, "correct": 9}])["correct"].tolist()
    [9]
    """
    check_installed("pandas", "data frames", "pandas")
    import pandas

    return pandas.DataFrame(rows if isinstance(rows, Mapping) else list(rows))
