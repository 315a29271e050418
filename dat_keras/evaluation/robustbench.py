"""Entries for RobustBench's leaderboard, as far as a report has the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.corruptions import SEVERITIES, STANDARD
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.suites import EVALUATIONS
from dat_keras.utils.extra_text import described_extra
from dat_keras.utils.files import write_json
from dat_keras.utils.norms import pixel_fraction

SUITE = "autoattack"
"""The attack whose accuracy RobustBench ranks."""
DATASETS = ("cifar10", "cifar100", "imagenet")
"""Data sets that RobustBench has."""
_SHARD = (
    "a report of all images. Received: that of a shard; merge the reports of "
    "all shards first"
)


def entry(
    report: Mapping[str, Any],
    architecture: str | None = None,
    training: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """Returns the fields of a `model_info` file; `None` where unknown.

    Numbers are strings, in percent with two decimals, as in RobustBench's
    files. Who made the model, from what and how, a report does not say.

    Args:
        report: A report as plain data, see `Report.to_json`, with a result
            `autoattack` of the unchanged suite, attacked in the model's own
            dtype.
        architecture: Name of the architecture, if known.
        training: The recipe as plain data, if known: whether there were
            extra images.

    Raises:
        ValueError: If the report has no such result.

    Reference:
        [Croce et al., 2021](https://arxiv.org/abs/2010.09670)
    """
    objection = _objection(report)
    if objection:
        raise ValueError(f"A RobustBench entry needs {objection}")
    accuracy = _percent(report["attacks"][SUITE]["accuracy"])
    return _fields(report, architecture, training, autoattack_acc=accuracy)


def corruption_entry(
    report: Mapping[str, Any],
    architecture: str | None = None,
    training: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """Returns the fields of a file of the leaderboard of corruptions.

    Args:
        report: A report as plain data, with all standard corruptions of the
            published set at all severities.
        architecture: Name of the architecture, if known.
        training: See `entry`.

    Raises:
        ValueError: If the report has no such result.
    """
    if "shard" in report:
        raise ValueError(f"A RobustBench entry needs {_SHARD}")
    found = report["corruptions"]
    each = [found["accuracy"].get(name, {}) for name in STANDARD]
    whole = all(set(of) == set(map(str, SEVERITIES)) for of in each)
    if not whole or found["parameters"] != "published":
        raise ValueError(
            "A RobustBench entry needs all standard corruptions of the "
            f"published set, at all severities. Received: {found['parameters']}"
            f", {', '.join(found['accuracy'])}"
        )
    accuracy = 1.0 - found["mean_corruption_error"]["natural"]
    fields = _fields(
        report, architecture, training, corruptions_acc=_percent(accuracy)
    )
    # Nothing was attacked.
    return fields | {"eps": None}


def _fields(
    report: Mapping[str, Any],
    architecture: str | None,
    training: Mapping[str, Any] | None,
    **accuracy: str,
) -> dict[str, object]:
    """The fields of a file, in RobustBench's order."""
    dataset = report["data"]["name"].partition("/")[0]
    extra = bool(described_extra((training or {}).get("extra")))
    which = f"first {report['n_examples']} test images"
    return {
        "link": None,
        "name": None,
        "authors": None,
        "additional_data": extra if training else None,
        "number_forward_passes": None,
        "dataset": dataset if dataset in DATASETS else None,
        "venue": None,
        "architecture": architecture,
        "eps": pixel_fraction(report["eps"]),
        "clean_acc": _percent(report["attacks"]["natural"]["accuracy"]),
        "reported": None,
        **accuracy,
        "footnote": None if report["whole"] else which,
    }


def entries(
    reports: Iterable[Mapping[str, Any]],
    architecture: str,
    training: Mapping[str, Any] | None = None,
) -> list[dict[str, object]]:
    """Returns the entries of those reports that RobustBench could list.

    Args:
        reports: Reports as plain data.
        architecture: Name of the architecture.
        training: See `entry`.
    """
    return [
        entry(report, architecture, training)
        for report in reports
        if _objection(report) is None
    ]


def _objection(report: Mapping[str, Any]) -> str | None:
    """What an entry needs and the report lacks; `None` if it has all."""
    if "shard" in report:
        return _SHARD
    attacks = report["attacks"]
    if SUITE not in attacks:
        return f"the attack `{SUITE}`. Received: {', '.join(attacks)}"
    if "search_dtype" in [
        caution["code"] for caution in report.get("warnings", ())
    ]:
        return (
            "attacks in the model's own type. Received: a report of attacks "
            "with a `search_dtype`"
        )
    threat_model = THREAT_MODELS[report["norm"]](report["eps"])
    settings = attacks[SUITE].get("settings")
    if settings != repr(EVALUATIONS[SUITE](threat_model)):
        return f"the unchanged suite `{SUITE}`. Received: {settings}"
    return None


def save_entry(report: Report, path: Path) -> Path:
    """Writes the entry, and the report's warnings next to it.

    Args:
        report: The report; one with corruptions goes to their leaderboard.
        path: File of the entry.

    Returns:
        The file of the warnings.
    """
    warnings = path.with_suffix(".warnings.json")
    data = report.to_json()
    make = entry if report.corruptions is None else corruption_entry
    _write(make(data), path)
    _write(data["warnings"], warnings)
    return warnings


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _write(data: object, path: Path) -> None:
    write_json(path, data)
