"""Robust accuracy of a classifier, measured so that it can be believed."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import THREAT_MODELS, ThreatModel
from dat_keras.core.types import Images, Labels
from dat_keras.core.versions import versions
from dat_keras.core.weights import fingerprint
from dat_keras.data import Batches, Split
from dat_keras.evaluation.context import (
    Evaluation,
    EvaluationContext,
    Progress,
    Verdict,
)
from dat_keras.evaluation.plausibility import best_known, implausible
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import Caution, Row
from dat_keras.evaluation.resume_state import open_resume_state
from dat_keras.evaluation.samples import Samples, first
from dat_keras.evaluation.sanity_checks import cautions, check_fit
from dat_keras.evaluation.suites import plan
from dat_keras.kernels.fold_batch_norm import DTYPES
from dat_keras.utils.files import write_whole
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.registry import lookup


def evaluate(
    model: keras.Model,
    data: tuple[Images, Labels] | Split | Batches | tf.data.Dataset,
    attacks: str | Sequence[str] | Mapping[str, Attack | Evaluation] = (
        "natural",
        "fgsm",
        "pgd20",
    ),
    *,
    norm: str = "linf",
    eps: float | None = None,
    n_examples: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    protocol: str = "strict",
    progress: Progress | None = None,
    resume: Path | None = None,
    save_adversarial: Path | None = None,
    search_dtype: str | None = None,
) -> Report:
    """Measures the accuracy of a classifier under attacks.

    The first images are taken, in order. Each draw is a function of the seed,
    the attack's name and the image's position, so accuracies depend on
    neither batch size nor hardware beyond rounding. Returned images are
    checked in float64 and judged by a fresh pass of the classifier.

    Args:
        model: Maps images `(B, H, W, C)` in `[0, 1]` to logits `(B, K)`.
        data: A pair of arrays `(x, y)` with float images in `[0, 1]` and
            integer labels, a `Split`, a `Batches` (its split, in order), or a
            `tf.data.Dataset` of batches `(x, y)`.
        attacks: Keys of `EVALUATIONS`, as a sequence or separated by commas;
            or attacks or an `AttackEnsemble` by a name of your own. Natural
            accuracy comes first, named or not.
        norm: Key of `THREAT_MODELS`.
        eps: Radius in pixel units of `[0, 1]`. Default: 8/255 for `"linf"`,
            0.5 for `"l2"`.
        n_examples: Number of images. Default: all.
        batch_size: Images per batch.
        seed: Seed of all draws.
        protocol: Key of `PROTOCOLS`; `"dat"` reproduces the published tables.
        progress: Called as `progress(name, done, total)` after each batch.
        resume: A folder. AutoAttack and its parts keep in it, after each
            batch, what they need to go on from there, and do go on from what
            an interrupted evaluation left there.
        save_adversarial: A file to be written with NumPy's `savez`: `y` and,
            for AutoAttack and its parts, by name the image found for each
            sample, or the clean one where it stands.
        search_dtype: `"bfloat16"` has attacks run the classifier's
            convolutions in it. Every image found is still judged in the
            model's own type, so no accuracy comes out too low; it may come
            out too high, which the report says. Default: the model's own.

    Returns:
        The report; `report["pgd20"].accuracy` is one number of it.

    Raises:
        ValueError: If an argument is unknown or out of range, or the model
            returns probabilities or NaN, or `resume` is of another evaluation.
        DamagedFileError: If what is in `resume` cannot be read.

    Example:
    >>> import numpy as np
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5, 0.4]]], [[[0.5, 0.1]]]])
    >>> report = evaluate(keras.Sequential(layers), (x, [0, 0]), eps=0.1)
    >>> report["natural"].accuracy, report["pgd20"].accuracy
    (1.0, 0.5)
    """
    threat_model = _threat_model(norm, eps)
    rules = lookup(PROTOCOLS, protocol, "protocol")
    chosen = plan(attacks, threat_model, rules)
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be at least 1. Received: {batch_size}"
        )
    if search_dtype is not None:
        lookup(DTYPES, search_dtype, "search_dtype")
    if save_adversarial and not any(e.keeps_images for e in chosen.values()):
        raise ValueError(
            "`save_adversarial` needs AutoAttack or one of its parts among "
            f"`attacks`. Received: {', '.join(chosen)}"
        )
    samples = first(data, n_examples)
    check_fit(model, samples)
    trial = EvaluationContext(
        predict=Predictor(model),
        samples=samples,
        threat_model=threat_model,
        protocol=rules,
        batch_size=min(batch_size, len(samples)),
        seed=seed,
        progress=progress or (lambda name, done, total: None),
        search_dtype=search_dtype,
    )
    about: dict[str, Any] = {
        "model": fingerprint(model),
        "data": samples.name,
        "data_fingerprint": samples.fingerprint(),
        "whole": samples.whole,
        "norm": norm,
        "eps": float(threat_model.eps),
        "protocol": protocol,
        "seed": seed,
        "batch_size": trial.batch_size,
        "versions": versions(),
    }
    if resume is not None:
        settings = {name: repr(each) for name, each in chosen.items()}
        identity = {"attacks": settings, "search_dtype": search_dtype}
        journal = open_resume_state(Path(resume), {**about, **identity})
        trial = replace(trial, journal=journal)
    found = cautions(trial)
    timed = {
        n: _timed(n, evaluation, trial) for n, evaluation in chosen.items()
    }
    if save_adversarial:
        _save_images(Path(save_adversarial), samples, timed)
    rows = tuple(_row(n, *result) for n, result in timed.items())
    best = best_known(model.name, samples.name, norm, about["eps"])
    told = (*_told(timed), *implausible(rows, best), *_unverified(timed))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Report(rows, cautions=(*found, *told), date=today, **about)


def _threat_model(norm: str, eps: float | None) -> ThreatModel:
    make = lookup(THREAT_MODELS, norm, "norm")
    return make(DEFAULT_EPS[norm] if eps is None else float(eps))


def _save_images(
    path: Path, samples: Samples, timed: Mapping[str, tuple[Verdict, float]]
) -> None:
    arrays: dict[str, Any] = {
        name: verdict.x_adv
        for name, (verdict, _) in timed.items()
        if verdict.x_adv is not None
    }
    write_whole(path, lambda file: np.savez(file, y=samples.labels, **arrays))


def _timed(
    name: str, evaluation: Evaluation, trial: EvaluationContext
) -> tuple[Verdict, float]:
    began = time.monotonic()
    return evaluation(name, trial), time.monotonic() - began


def _row(name: str, verdict: Verdict, seconds: float) -> Row:
    return Row(
        name,
        verdict.settings,
        tuple(verdict.broken.tolist()),
        verdict.max_distance,
        seconds,
        sum(part.forwards for part in verdict.parts),
        sum(part.gradients for part in verdict.parts),
        verdict.parts,
    )


def _told(timed: Mapping[str, tuple[Verdict, float]]) -> dict[Caution, None]:
    """What the evaluations say, each thing once."""
    return dict.fromkeys(
        caution for verdict, _ in timed.values() for caution in verdict.cautions
    )


def _unverified(
    timed: Mapping[str, tuple[Verdict, float]],
) -> tuple[Caution, ...]:
    return tuple(
        Caution(
            "verify_fail",
            f"{name} returned images outside the threat model; they count as "
            f"robust. Positions: {', '.join(map(str, verdict.invalid))}",
        )
        for name, (verdict, _) in timed.items()
        if verdict.invalid
    )
