"""`eval/results.json`: the evaluations of a model, in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.norms import pixel_fraction
from dat_keras.zoo.cards.accuracies import Report, ordered
from dat_keras.zoo.errors import RefusedContentError

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}
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
    for name, row in ordered(report["attacks"]).items():
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
