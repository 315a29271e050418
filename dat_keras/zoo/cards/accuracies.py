"""Accuracies of published reports, formatted and sorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dat_keras.utils.intervals import wilson
from dat_keras.utils.norms import pixel_fraction


def accuracies(table: Mapping[str, Any]) -> dict[str, str]:
    """What was measured, as text: natural, under each attack, certified.

    Args:
        table: The content of `eval/results.json`. Of an attack that several
            runs have in the same norm and radius, the one on most images
            counts; another norm or radius than the first run's is named.

    Example:
    >>> row = {"accuracy": 0.75, "correct": 3, "total": 4}
    >>> run = {"norm": "linf", "eps": 8 / 255, "attacks": {"natural": row}}
    >>> accuracies({"runs": [run]})
    {'natural': '75.00 % (3/4, 95 %: 30.1 - 95.4 %)'}
    """
    found = {}
    for name, row in (_rows(table) | _rows(table, certified=True)).items():
        low, high = interval(row)
        found[name] = (
            f"{_percent(row)} ({row['correct']}/{row['total']}, 95 %: "
            f"{low} - {high} %)"
        )
    return found


def headline(table: Mapping[str, Any]) -> str:
    """The natural accuracy and the lowest one, in one line.

    Args:
        table: The content of `eval/results.json`.

    Example:
    >>> rows = {
    ...     "natural": {"accuracy": 0.75, "correct": 3, "total": 4},
    ...     "pgd20": {"accuracy": 0.5, "correct": 2, "total": 4},
    ... }
    >>> headline({"runs": [{"norm": "l2", "eps": 0.5, "attacks": rows}]})
    'natural 75.00 %, pgd20 50.00 %'
    """
    rows = _rows(table)
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


def certificate_of(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row of the certificate by its name, if there is one.

    Args:
        measured: A run of `eval/results.json`.

    Example:
    >>> certificate_of({"certificate": {"method": "ibp", "accuracy": 0.5}})
    {'certified ibp': {'method': 'ibp', 'accuracy': 0.5}}
    >>> certificate_of({"attacks": {}})
    {}
    """
    found = measured.get("certificate")
    return {f"certified {found['method']}": found} if found else {}


def _rows(
    table: Mapping[str, Any], certified: bool = False
) -> dict[str, Mapping[str, Any]]:
    """Rows of the attacks, or of the certificates."""
    found: dict[str, Mapping[str, Any]] = {}
    first = None
    for ball, measured in _measured(table):
        first = first or ball
        rows = certificate_of(measured) if certified else measured["attacks"]
        for attack, row in rows.items():
            known = attack == "natural" or ball == first
            name = attack if known else f"{attack} ({ball})"
            if name not in found or found[name]["total"] < row["total"]:
                found[name] = row
    return ordered(found)


def _measured(
    table: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Norm and radius, in words, and what was measured in them."""
    for run in table.get("runs", ()):
        yield f"{run['norm']} {pixel_fraction(run['eps'])}", run
    for union in table.get("unions", ()):
        balls = [
            f"{ball['norm']} {ball['eps_text']}" for ball in union["norms"]
        ]
        yield f"union of {', '.join(balls)}", union


def _percent(row: Mapping[str, Any]) -> str:
    return f"{100 * row['accuracy']:.2f} %"
