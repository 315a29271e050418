"""Accuracies of published reports, formatted and sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from dat_keras.utils.intervals import wilson

Report: TypeAlias = Mapping[str, Any]
"""What `Report.to_json` returned."""


def accuracies(reports: Sequence[Report]) -> dict[str, str]:
    """What was measured under each attack, as text; natural comes first.

    Args:
        reports: The reports, as plain data. Of an attack that several have,
            the one on most images counts.

    Example:
    >>> row = {"accuracy": 0.75, "correct": 3, "total": 4}
    >>> accuracies([{"attacks": {"natural": row}}])
    {'natural': '75.00 % (3/4, 95 %: 30.1 - 95.4 %)'}
    """
    found = {}
    for name, row in _rows(reports).items():
        low, high = interval(row)
        found[name] = (
            f"{_percent(row)} ({row['correct']}/{row['total']}, 95 %: "
            f"{low} - {high} %)"
        )
    return found


def headline(reports: Sequence[Report]) -> str:
    """The natural accuracy and the lowest one, in one line.

    Args:
        reports: The reports, as plain data.

    Example:
    >>> natural = {"accuracy": 0.75, "correct": 3, "total": 4}
    >>> attacked = {"accuracy": 0.5, "correct": 2, "total": 4}
    >>> headline([{"attacks": {"natural": natural, "pgd20": attacked}}])
    'natural 75.00 %, pgd20 50.00 %'
    """
    rows = _rows(reports)
    worst = min(rows, key=lambda name: rows[name]["accuracy"], default=None)
    shown = [name for name in rows if name in ("natural", worst)]
    return ", ".join(f"{name} {_percent(rows[name])}" for name in shown) or "-"


def ordered(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of a report, the natural one first and the lowest last.

    Published reports have sorted keys, so their own order says nothing.

    Args:
        rows: Rows by name of the attack, as plain data.

    Example:
    >>> list(ordered({"cw": {"accuracy": 0.1}, "natural": {"accuracy": 0.9},
    ...               "fgsm": {"accuracy": 0.3}}))
    ['natural', 'fgsm', 'cw']
    """
    names = sorted(
        rows, key=lambda name: (name != "natural", -rows[name]["accuracy"])
    )
    return {name: rows[name] for name in names}


def interval(row: Mapping[str, Any]) -> tuple[str, str]:
    """The ends of a row's 95 % Wilson interval, in percent.

    Args:
        row: A row of a report, as plain data.

    Example:
    >>> interval({"correct": 3, "total": 4})
    ('30.1', '95.4')
    """
    low, high = wilson(row["correct"], row["total"])
    return f"{100 * low:.1f}", f"{100 * high:.1f}"


def _rows(reports: Sequence[Report]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for report in reports:
        for name, row in report["attacks"].items():
            if name not in found or found[name]["total"] < row["total"]:
                found[name] = row
    return ordered(found)


def _percent(row: Mapping[str, Any]) -> str:
    return f"{100 * row['accuracy']:.2f} %"
