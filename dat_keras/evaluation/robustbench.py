"""An entry for RobustBench's leaderboard, with what a report knows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.suites import EVALUATIONS
from dat_keras.utils.files import write_whole
from dat_keras.utils.norms import pixel_fraction

SUITE = "autoattack"
"""The row whose accuracy RobustBench ranks."""
DATASETS = ("cifar10", "cifar100", "imagenet")
"""Data sets that RobustBench has."""


def entry(report: Report) -> dict[str, object]:
    """Returns the fields of a `model_info` file; `None` where unknown.

    Numbers are strings, in percent with two decimals, as RobustBench has
    them. Who made the model, from what and how, a report does not know.

    Args:
        report: Holds a row `autoattack` of the unchanged suite, searched in
            the model's own type.

    Raises:
        ValueError: If it does not.

    Reference:
        [Croce et al., 2021](https://arxiv.org/abs/2010.09670)
    """
    if SUITE not in [row.name for row in report.rows]:
        names = ", ".join(row.name for row in report.rows)
        raise ValueError(
            f"A RobustBench entry needs the attack `{SUITE}`. Received: {names}"
        )
    if "search_dtype" in [caution.code for caution in report.cautions]:
        raise ValueError(
            "A RobustBench entry needs attacks in the model's own type. "
            "Received: a report of attacks with a `search_dtype`"
        )
    threat_model = THREAT_MODELS[report.norm](report.eps)
    if report[SUITE].settings != repr(EVALUATIONS[SUITE](threat_model)):
        raise ValueError(
            f"A RobustBench entry needs the unchanged suite `{SUITE}`. "
            f"Received: {report[SUITE].settings}"
        )
    dataset = report.data.partition("/")[0]
    which = None if report.whole else f"first {report.n_examples} test images"
    return {
        "link": None,
        "name": None,
        "authors": None,
        "additional_data": None,
        "number_forward_passes": None,
        "dataset": dataset if dataset in DATASETS else None,
        "venue": None,
        "architecture": None,
        "eps": pixel_fraction(report.eps),
        "clean_acc": _percent(report["natural"].accuracy),
        "reported": None,
        "autoattack_acc": _percent(report[SUITE].accuracy),
        "footnote": which,
    }


def save_entry(report: Report, path: Path) -> Path:
    """Writes the entry, and the report's warnings beside it.

    Args:
        report: The report.
        path: File of the entry.

    Returns:
        The file of the warnings.
    """
    warnings = path.with_suffix(".warnings.json")
    _write(entry(report), path)
    _write([asdict(caution) for caution in report.cautions], warnings)
    return warnings


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _write(data: object, path: Path) -> None:
    text = json.dumps(data, indent=2) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))
