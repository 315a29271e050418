"""Reports as plain data, as `evaluate --json` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def of_norms(report: Mapping[str, Any]) -> list[Any]:
    """The reports of a report in several norms; of any other, itself.

    Args:
        report: What `Report.to_json` or `UnionReport.to_json` returned.

    Example:
    >>> of_norms({"norms": {"linf": {"eps": 0.1}, "l2": {"eps": 0.5}}})
    [{'eps': 0.1}, {'eps': 0.5}]
    >>> of_norms({"eps": 0.1})
    [{'eps': 0.1}]
    """
    return list(report["norms"].values()) if "norms" in report else [report]
