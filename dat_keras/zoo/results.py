"""`eval/results.json`: the evaluations of a model, in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dat_keras.errors import DamagedFileError
from dat_keras.intervals import wilson
from dat_keras.report import pixel_fraction
from dat_keras.zoo.errors import RefusedContentError

Report = Mapping[str, Any]
"""What `Report.to_json` returned."""

NORMS = {"linf": "Linf", "l2": "L2"}
"""Names of norms as leaderboards write them."""


HUB_DATASETS = {
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10", "plain_text"),
    "cifar100": ("uoft-cs/cifar100", "CIFAR-100", "cifar100"),
    "tiny_imagenet": ("zh-plus/tiny-imagenet", "Tiny ImageNet", "default"),
}
"""Data sets of the Hub: repository, name and configuration, by our name."""


def read_reports(path: Path) -> list[dict[str, Any]]:
    """The reports in a file that `dat-keras evaluate --json` wrote.

    Args:
        path: The file: one report, or several by name.

    Raises:
        DamagedFileError: If it is no such file.
    """
    try:
        data = json.loads(path.read_text())
        found = [data] if "attacks" in data else list(data.values())
        for report in found:
            _ = report["model"]["sha256"], report["attacks"]["natural"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedFileError(f"{path} holds no report: {error!r}") from None
    return found


def reports_of(
    paths: Iterable[Path], fingerprints: Sequence[str]
) -> list[dict[str, Any]]:
    """The reports on certain weights, out of several files.

    Args:
        paths: The files.
        fingerprints: sha256 that the weights may go by.

    Raises:
        RefusedContentError: If a file has no report on these weights.
    """
    chosen = []
    for path in paths:
        found = [
            report
            for report in read_reports(path)
            if report["model"]["sha256"] in fingerprints
        ]
        if not found:
            raise RefusedContentError(
                f"{path} measured other weights than these",
                "evaluate the weights that are published",
            )
        chosen += found
    return chosen


def results(weights_sha256: str, reports: Sequence[Report]) -> dict[str, Any]:
    """The content of `eval/results.json`.

    Args:
        weights_sha256: sha256 of the published weights' file.
        reports: The reports, as plain data.

    Example:
    >>> results("0" * 64, [])["runs"]
    []
    """
    return {
        "format": 1,
        "weights_sha256": weights_sha256,
        "runs": [
            {**report, "eps_text": pixel_fraction(report["eps"])}
            for report in reports
        ],
    }


def metrics(report: Report) -> list[dict[str, Any]]:
    """The accuracies of a report, as a model card lists them.

    Args:
        report: The report.

    Returns:
        `name`, `value` in percent and `args` of each.

    Example:
    >>> report = {
    ...     "norm": "linf", "eps": 8 / 255, "n_examples": 4, "seed": 0,
    ...     "protocol": "strict", "attacks": {"natural": {"accuracy": 0.75}},
    ... }
    >>> metrics(report)[0]["name"], metrics(report)[0]["value"]
    ('Clean accuracy', 75.0)
    """
    norm = NORMS.get(report["norm"], report["norm"])
    ball = f"{norm} {pixel_fraction(report['eps'])}"
    common = {
        "n_examples": int(report["n_examples"]),
        "seed": int(report["seed"]),
    }
    found = []
    for name, row in report["attacks"].items():
        attacked = {
            "attack": name,
            "protocol": report["protocol"],
            "norm": norm,
            "eps": float(report["eps"]),
        }
        natural = name == "natural"
        found.append(
            {
                "name": "Clean accuracy"
                if natural
                else f"Robust accuracy, {name}, {ball}",
                "value": round(100 * float(row["accuracy"]), 2),
                "args": common if natural else attacked | common,
            }
        )
    return found


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
    # Published reports have sorted keys: the natural accuracy leads again.
    names = sorted(found, key=lambda name: name != "natural")
    return {name: found[name] for name in names}


def _percent(row: Mapping[str, Any]) -> str:
    return f"{100 * row['accuracy']:.2f} %"


def robustbench(report: Report, architecture: str) -> dict[str, Any] | None:
    """The fields of a RobustBench entry.

    Args:
        report: The report.
        architecture: Name of the architecture.

    Returns:
        The fields, those about the paper empty; `None` without AutoAttack.

    Reference:
        [Croce et al., 2021](https://arxiv.org/abs/2010.09670).
    """
    attacks = report["attacks"]
    if "autoattack" not in attacks:
        return None
    return {
        "link": "",
        "name": "",
        "authors": "",
        "additional_data": False,
        "number_forward_passes": 1,
        "dataset": report["data"]["name"].split("/")[0],
        "venue": "",
        "architecture": architecture,
        "eps": pixel_fraction(report["eps"]),
        "clean_acc": f"{100 * attacks['natural']['accuracy']:.2f}",
        "autoattack_acc": f"{100 * attacks['autoattack']['accuracy']:.2f}",
    }
