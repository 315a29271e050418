"""`eval/results.json`: the evaluations of a model, in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.report_data import of_norms
from dat_keras.zoo.cards.accuracies import ordered
from dat_keras.zoo.cards.reports import Report

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}
"""Names of norms as leaderboards write them."""


HUB_DATASETS = {
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10", "plain_text"),
    "cifar100": ("uoft-cs/cifar100", "CIFAR-100", "cifar100"),
    "tiny_imagenet": ("zh-plus/tiny-imagenet", "Tiny ImageNet", "default"),
}
"""Data sets of the Hub: repository, name and configuration, by our name."""


def results(weights_sha256: str, reports: Sequence[Report]) -> dict[str, Any]:
    """The content of `eval/results.json`.

    Args:
        weights_sha256: sha256 of the published weights' file.
        reports: The reports, as plain data.

    Returns:
        `format`, `weights_sha256`, the `runs` in one norm each, and `unions`:
        the worst case of several norms, where they were measured together.

    Example:
    >>> results("0" * 64, [])["runs"]
    []
    """
    runs = [
        {**part, "eps_text": pixel_fraction(part["eps"])}
        for report in reports
        for part in of_norms(report)
    ]
    unions = [_union(report) for report in reports if "union" in report]
    return {
        "format": 1,
        "weights_sha256": weights_sha256,
        "runs": runs,
        **({"unions": unions} if unions else {}),
    }


def _union(report: Report) -> dict[str, Any]:
    # A list, for published keys are sorted.
    balls = [
        {
            "norm": norm,
            "eps": part["eps"],
            "eps_text": pixel_fraction(part["eps"]),
        }
        for norm, part in report["norms"].items()
    ]
    about = {
        name: of_norms(report)[0].get(name)
        for name in ("data", "protocol", "seed", "date")
    }
    return {
        "norms": balls,
        "n_examples": report["n_examples"],
        **{k: v for k, v in about.items() if v is not None},
        **report["union"],
    }


def metrics(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All accuracies, as a model card lists them.

    Args:
        table: What `results` returned.

    Returns:
        `name`, `value` in percent and `args` of each.

    Example:
    >>> report = {
    ...     "norm": "linf", "eps": 8 / 255, "n_examples": 4, "seed": 0,
    ...     "protocol": "strict", "attacks": {"natural": {"accuracy": 0.75}},
    ... }
    >>> (found,) = metrics(results("0" * 64, [report]))
    >>> found["name"], found["value"]
    ('Clean accuracy', 75.0)
    """
    found = []
    for run in table["runs"]:
        norm, eps = _norm(run["norm"]), float(run["eps"])
        ball = f"{norm} {pixel_fraction(eps)}"
        found += _metrics(run, ball, {"norm": norm, "eps": eps})
    for union in table.get("unions", ()):
        balls = union["norms"]
        text = [f"{_norm(b['norm'])} {b['eps_text']}" for b in balls]
        about = {
            "norm": [_norm(ball["norm"]) for ball in balls],
            "eps": [float(ball["eps"]) for ball in balls],
        }
        # Natural accuracy is known from the runs.
        found += _metrics(union, f"union of {', '.join(text)}", about)[1:]
    return found


def _norm(name: str) -> str:
    return NORMS.get(name, name)


def _metrics(
    measured: Mapping[str, Any], ball: str, threat_model: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Natural accuracy, that under each attack, and the certified one."""
    common = {
        "n_examples": int(measured["n_examples"]),
        "seed": int(measured["seed"]),
    }
    found = []
    for name, row in ordered(measured["attacks"]).items():
        if name == "natural":
            found.append(_metric("Clean accuracy", row, common))
            continue
        about = {"attack": name, "protocol": measured["protocol"]}
        about |= {**threat_model, **common}
        found.append(_metric(f"Robust accuracy, {name}, {ball}", row, about))
    certificate = measured.get("certificate")
    if certificate:
        name = f"Certified accuracy, {certificate['method']}, {ball}"
        about = {"certificate": certificate["method"], **threat_model, **common}
        found.append(_metric(name, certificate, about))
    return found


def _metric(
    name: str, row: Mapping[str, Any], about: dict[str, Any]
) -> dict[str, Any]:
    value = round(100 * float(row["accuracy"]), 2)
    return {"name": name, "value": value, "args": about}


def cautions(table: Mapping[str, Any]) -> dict[str, str]:
    """What a reader of the accuracies must know.

    Args:
        table: What `results` returned.

    Returns:
        Sentences by the code of the caution.

    Example:
    >>> warning = {"code": "masking", "advice": "Square broke more than APGD."}
    >>> cautions({"runs": [{"warnings": [warning]}]})
    {'masking': 'Square broke more than APGD.'}
    """
    found: dict[str, list[str]] = {}
    for run in table.get("runs", ()):
        for caution in run.get("warnings", ()):
            said = found.setdefault(str(caution["code"]), [])
            if caution["advice"] not in said:
                said.append(str(caution["advice"]))
    return {code: " ".join(said) for code, said in found.items()}
