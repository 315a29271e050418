"""`merge_reports`: the report of all images, from those of its shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dat_keras.core.threat_models import THREAT_MODELS, ThreatModel
from dat_keras.evaluation.cautions import ensemble_cautions, report_cautions
from dat_keras.evaluation.context import Evaluation
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.eps_curve import eps_curve_of
from dat_keras.evaluation.function_identity import same_function
from dat_keras.evaluation.minimal_distances import (
    MinimalDistances,
    merged_distances,
)
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.evaluation.shard import Shard
from dat_keras.evaluation.suites import select_attacks
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.registry import lookup

SHARED = (
    *("model", "data", "norm", "eps", "protocol", "seed", "batch_size"),
    *("whole", "versions"),
)
"""Fields in which the reports of shards must agree."""


NUMBER = (int, float)
KINDS = {
    "model": {"sha256": str},
    "data": {"name": str, "sha256": str},
    **dict.fromkeys(("norm", "protocol", "date"), str),
    **dict.fromkeys(("seed", "batch_size"), int),
    **{"eps": NUMBER, "whole": bool, "versions": dict, "attacks": dict},
    "shard": {
        **dict.fromkeys(("index", "count", "total", "classes"), int),
        **{"image_shape": list, "best_known": NUMBER, "sanity": list},
        "invalid": dict,
    },
}
"""Kinds of the fields of a shard's report."""
RESULT_KINDS = {
    **{"name": str, "settings": str, "broken": list, "parts": dict},
    **dict.fromkeys(("max_distance", "seconds"), NUMBER),
    **dict.fromkeys(("forwards", "gradients"), int),
}
"""Kinds of the fields of an attack's result."""
MOST_IMAGES = 10**7
"""A report of more is taken for damaged, before memory is given to it."""


def merge_reports(reports: Mapping[str, dict]) -> Report:
    """Makes one report of those of all shards.

    It is that of an evaluation in one piece, but for the seconds, which are
    added up, and the day, which is the last.

    Args:
        reports: What `Report.to_json` returned for each shard, by the name of
            its file.

    Raises:
        ValueError: If they are not all shards of one evaluation.
        DamagedFileError: If one is not the report of a shard.
    """
    parts = {name: _read(name, data) for name, data in reports.items()}
    ordered = sorted(parts.values(), key=lambda part: part[0].index)
    _check_complete({name: part[0] for name, part in parts.items()})
    _check_alike(reports)
    _check_function({name: part[0] for name, part in parts.items()})
    shards = [shard for shard, _ in ordered]
    first, settings = shards[0], next(iter(reports.values()))
    threat_model = lookup(THREAT_MODELS, settings["norm"], "norm")(
        settings["eps"]
    )
    evaluations = select_attacks(
        [result.name for result in ordered[0][1]],
        threat_model,
        lookup(PROTOCOLS, settings["protocol"], "protocol"),
    )
    results = tuple(
        _with_cautions(
            evaluations[each[0].name],
            _merged(each, [shard.rows.start for shard in shards]),
            first,
            threat_model,
        )
        for each in zip(*(results for _, results in ordered), strict=True)
    )
    cautions = report_cautions(results, first.best_known)
    return Report(
        results,
        model=settings["model"]["sha256"],
        data=settings["data"]["name"],
        data_fingerprint=settings["data"]["sha256"],
        cautions=(*first.sanity, *cautions),
        date=max(str(report["date"]) for report in reports.values()),
        eps_curve=eps_curve_of(results, settings["norm"], _radii(settings)),
        **{name: settings[name] for name in SHARED[2:]},
    )


def _read(name: str, data: dict) -> tuple[Shard, list[AttackResult]]:
    try:
        _check_kinds(data, KINDS)
        fields = dict(data["shard"])
        invalid = fields.pop("invalid")
        shard = Shard.from_json(fields)
        if not isinstance(shard.function, str):
            np.asarray(shard.function, np.float64)
        if shard.total > MOST_IMAGES:
            raise ValueError("total")
        total = shard.rows.stop - shard.rows.start
        results = [
            _result(result, invalid[result["name"]], total)
            for result in data["attacks"].values()
        ]
        if not results:
            raise KeyError("attacks")
        _facts(data)
        return shard, results
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise DamagedFileError(
            f"{name} is not the report of a shard: make it by `dat-keras "
            "evaluate --shard i/n --json FILE`"
        ) from None


def _check_kinds(data: dict, kinds: Mapping[str, Any]) -> None:
    for field, kind in kinds.items():
        if isinstance(kind, dict):
            _check_kinds(data[field], kind)
        elif not isinstance(data[field], kind):
            raise TypeError(field)


def _result(
    data: dict[str, Any], invalid: Sequence[list[int]], total: int
) -> AttackResult:
    """The result that `AttackResult.to_json` wrote."""
    _check_kinds(data, RESULT_KINDS)
    broken = [False] * total
    for i in data["broken"]:
        if i < 0:
            raise IndexError("broken")
        broken[i] = True
    own, *inner = ([int(i) for i in positions] for positions in invalid)
    return AttackResult(
        data["name"],
        data["settings"],
        tuple(broken),
        data["max_distance"],
        data["seconds"],
        data["forwards"],
        data["gradients"],
        tuple(
            _result(part, [positions], total)
            for part, positions in zip(
                data["parts"].values(), inner, strict=True
            )
        ),
        tuple(own),
        distances=MinimalDistances.of_result(data, total),
    )


def _radii(report: dict) -> list[float] | None:
    """The radii of the curve, if there is one."""
    curve = report.get("eps_curve")
    return None if curve is None else [float(eps) for eps in curve["eps"]]


def _merged(
    results: Sequence[AttackResult], starts: Sequence[int]
) -> AttackResult:
    """One result of those of all shards, in order."""
    return AttackResult(
        results[0].name,
        results[0].settings,
        tuple(broken for result in results for broken in result.broken),
        max(result.max_distance for result in results),
        sum(result.seconds for result in results),
        sum(result.forwards for result in results),
        sum(result.gradients for result in results),
        tuple(
            _merged(parts, starts)
            for parts in zip(*(r.parts for r in results), strict=True)
        ),
        tuple(
            start + i
            for start, result in zip(starts, results, strict=True)
            for i in result.invalid
        ),
        distances=merged_distances([result.distances for result in results]),
    )


def _with_cautions(
    evaluation: Evaluation,
    result: AttackResult,
    shard: Shard,
    threat_model: ThreatModel,
) -> AttackResult:
    cautions: tuple[Caution, ...] = getattr(evaluation, "cautions", ())
    if isinstance(evaluation, AttackEnsemble):
        cautions += tuple(
            ensemble_cautions(
                result.parts,
                shard.classes,
                shard.image_shape,
                threat_model,
                evaluation.parts,
            )
        )
    return replace(result, cautions=cautions)


def _check_complete(shards: Mapping[str, Shard]) -> None:
    """Refuses shards that are missing, given twice, or of other counts."""
    counts = {shard.count for shard in shards.values()}
    totals = {shard.total for shard in shards.values()}
    if len(counts) > 1 or len(totals) > 1:
        said = ", ".join(
            f"{name} is {s.index}/{s.count} of {s.total} images"
            for name, s in shards.items()
        )
        raise ValueError(
            f"The reports must be shards of one evaluation. Received: {said}"
        )
    (count,) = counts
    found = [shard.index for shard in shards.values()]
    missing = sorted(set(range(1, count + 1)) - set(found))
    twice = sorted({i for i in found if found.count(i) > 1})
    for indices, what in ((missing, "missing"), (twice, "given twice")):
        if indices:
            listed = ", ".join(f"{i}/{count}" for i in indices)
            raise ValueError(
                f"The report needs every shard once: {listed} {what}"
            )


def _check_alike(reports: Mapping[str, dict]) -> None:
    """Refuses reports of other models, images or settings."""
    (first, reference), *others = (
        (name, _facts(report)) for name, report in reports.items()
    )
    for name, facts in others:
        for key, value in facts.items():
            if value != reference[key]:
                raise ValueError(
                    f"The reports must be of one evaluation: `{key}` of {name}"
                    f" differs from that of {first}"
                )


def _check_function(shards: Mapping[str, Shard]) -> None:
    """Refuses shards of classifiers with the same weights that differ."""
    (first, reference), *others = shards.items()
    for name, shard in others:
        if not same_function(shard.function, reference.function):
            raise ValueError(
                f"The reports must be of one evaluation: the classifier of "
                f"{name} has the weights of that of {first}, but other layers"
            )


def _facts(report: dict) -> dict[str, object]:
    """What the reports of shards must agree in."""
    return {
        **{key: report[key] for key in SHARED},
        "attacks": [
            (name, result["settings"])
            for name, result in report["attacks"].items()
        ],
        "eps_curve": _radii(report),
        # Among them is the dtype of the attacks.
        "warnings": [caution["code"] for caution in report["shard"]["sanity"]],
    }
