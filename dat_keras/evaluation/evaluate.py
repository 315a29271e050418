"""`evaluate`: the robust accuracy of a classifier under a list of attacks."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.validation import check_kind
from dat_keras.core.threat_models import ThreatModel, threat_model_of
from dat_keras.core.versions import versions
from dat_keras.core.weights import fingerprint
from dat_keras.evaluation.cautions import report_cautions
from dat_keras.evaluation.certificate import (
    certificate_cautions,
)
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.certifiers import (
    checked_certifier,
    timed_certificate,
)
from dat_keras.evaluation.context import Evaluation, EvaluationContext
from dat_keras.evaluation.effects import check_effects
from dat_keras.evaluation.eot import check_eot, eot_cautions, with_eot
from dat_keras.evaluation.eps_curve import check_curve, eps_curve_of
from dat_keras.evaluation.feasibility import (
    check_attacks,
    check_batch_size,
    check_images_file,
)
from dat_keras.evaluation.function_identity import (
    PROBES,
    FunctionIdentity,
    function_identity,
)
from dat_keras.evaluation.plausibility import best_known
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult
from dat_keras.evaluation.resume_state import (
    NoResumeState,
    ResumeState,
    open_resume_state,
)
from dat_keras.evaluation.samples import Data, Samples, first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.evaluation.shard import Shard, rows_of
from dat_keras.evaluation.suites import select_attacks
from dat_keras.utils.files import write_whole
from dat_keras.utils.registry import lookup


def evaluate(
    model: keras.Model,
    data: Data,
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
    shard: tuple[int, int] | None = None,
    certify: Certifier | str | None = None,
    eot: int = 1,
    eps_curve: Sequence[float] | None = None,
) -> Report:
    """Measures the accuracy of a classifier under attacks.

    The first images are taken, in order. Each random draw is a function of
    the seed, the attack's name and the image's position, so accuracies depend
    on neither batch size nor hardware beyond rounding. Adversarial images are
    checked in float64 and classified by a separate forward pass.

    Args:
        model: Maps images `(B, H, W, C)` in `[0, 1]` to logits `(B, K)`.
            `dk.evaluate` also takes what `dk.load_model` does.
        data: A pair of arrays `(x, y)` with float images in `[0, 1]` and
            integer labels, a `Split`, a `Batches` (its split, in order), or
            batches `(x, y)`: a `tf.data.Dataset` or a `PyDataset`.
        attacks: Keys of `EVALUATIONS`, `pgdN` for N steps of PGD, and
            `package.module:attack` for one of your own, as a sequence or
            separated by commas; or attacks or an `AttackEnsemble` by a name.
            Natural accuracy comes first, named or not.
        norm: Key of `THREAT_MODELS`.
        eps: Radius in pixel units of `[0, 1]`. Default: 8/255 for `"linf"`,
            0.5 for `"l2"`, 12 for `"l1"`.
        n_examples: Number of images. Default: all.
        batch_size: Images per batch.
        seed: Seed of all draws.
        protocol: Key of `PROTOCOLS`; `"dat"` reproduces the published tables.
        progress: Called as `progress(name, done, total)` after each batch.
        resume: A folder, in which AutoAttack, its parts and `fmn` save their
            state every half minute and after each stage. State that an
            interrupted evaluation left there is continued.
        save_adversarial: A file to be written with NumPy's `savez`: `y` and
            by name of the attack the image of each sample that was judged,
            the clean one where none was attacked. AutoAttack and its parts
            have the clean one wherever nothing broke the sample.
        search_dtype: `"bfloat16"` has attacks run the classifier's
            convolutions in it. Every adversarial image is still classified in
            the model's own dtype, so no accuracy comes out too low; it may
            come out too high, which the report says. Default: the model's
            own.
        shard: `(i, n)` evaluates the i-th of n equal parts of the images,
            counted from 1; `merge_reports` makes one report of n. Default:
            all images.
        certify: `"ibp"`, `"crown-ibp"` or `dk.certify`'s other methods with
            settings: the report also says on which images the classifier is
            proven right. Default: none.
        eot: Passes over which logits, losses and gradients are averaged, for
            a classifier that draws random numbers (expectation over
            transformations). Default: one pass.
        eps_curve: Radii at which the report also says the accuracy, from one
            run of attacks that find minimal distances, `"fab"` and `"fmn"`.
            Default: none.

    Returns:
        The report; `report["pgd20"].accuracy` is one number of it.

    Raises:
        ValueError: If an argument is unknown or out of range, or the model
            returns probabilities or NaN, or `resume` is of another evaluation.
        DamagedFileError: If a file in `resume` cannot be read.

    Example:
    >>> import numpy as np
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5, 0.4]]], [[[0.5, 0.1]]]])
    >>> report = evaluate(keras.Sequential(layers), (x, [0, 0]), eps=0.1)
    >>> report["natural"].accuracy, report["pgd20"].accuracy
    (1.0, 0.5)
    """
    check_kind(model)
    threat_model = threat_model_of(norm, eps)
    rules = lookup(PROTOCOLS, protocol, "protocol")
    evaluations = select_attacks(attacks, threat_model, rules)
    check_batch_size(batch_size)
    check_images_file(save_adversarial, evaluations)
    check_effects(search_dtype, resume, evaluations)
    if shard is not None and isinstance(attacks, Mapping):
        raise ValueError(
            "`shard` takes attacks by name: no report with attacks of your "
            f"own could be merged. Received: {', '.join(map(str, attacks))}"
        )
    certifier = checked_certifier(certify, model, threat_model, shard)
    check_eot(eot, evaluations, shard is not None)
    check_curve(eps_curve, norm, evaluations)
    whole = first_samples(data, n_examples)
    check_attacks(evaluations, check_fit(model, whole), whole)
    settings = _settings(model, whole, norm, threat_model, protocol)
    settings |= {"seed": seed, "batch_size": min(batch_size, len(whole))}
    samples = whole if shard is None else whole.part(rows_of(shard, len(whole)))
    function: FunctionIdentity = ""
    if shard is not None or resume is not None:
        probes = np.arange(min(PROBES, len(whole)))
        function = function_identity(model, whole.rows(probes)[0])
    identity = {
        **settings,
        "function": function,
        "attacks": {name: repr(each) for name, each in evaluations.items()},
        "search_dtype": search_dtype,
        "n_examples": len(whole),
        **({"shard": shard} if shard else {}),
        **({"eot": eot} if eot > 1 else {}),
    }
    context = EvaluationContext(
        predict=Predictor(model),
        samples=samples,
        threat_model=threat_model,
        protocol=rules,
        batch_size=settings["batch_size"],
        seed=seed,
        progress=progress or (lambda name, done, total: None),
        resume_state=_resume_state(resume, identity),
        search_dtype=search_dtype,
        keep_images=save_adversarial is not None,
        draws=eot,
        eot=eot,
    )
    # Every shard looks at the same images, the first of all.
    before = eot_cautions(
        context if shard is None else replace(context, samples=whole)
    )
    results = tuple(
        with_eot(_timed(name, evaluation, context), eot)
        for name, evaluation in evaluations.items()
    )
    certificate = timed_certificate(certifier, context) if certifier else None
    if save_adversarial:
        _save_images(Path(save_adversarial), samples, results)
    best = best_known(model.name, samples.name, norm, settings["eps"])
    return Report(
        results,
        cautions=(
            *before,
            *report_cautions(results, best, samples.first),
            *certificate_cautions(certificate, results),
        ),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        shard=shard
        and Shard(
            *shard,
            len(whole),
            context.classes,
            tuple(whole.images.shape[1:]),
            best,
            before,
            function,
        ),
        certificate=certificate,
        eps_curve=eps_curve_of(results, norm, eps_curve),
        **settings,
    )


def _settings(
    model: keras.Model,
    samples: Samples,
    norm: str,
    threat_model: ThreatModel,
    protocol: str,
) -> dict[str, Any]:
    """Fields of the report that are known before any attack."""
    return {
        "model": fingerprint(model),
        "data": samples.name,
        "data_fingerprint": samples.fingerprint(),
        "whole": samples.whole,
        "norm": norm,
        "eps": float(threat_model.eps),
        "protocol": protocol,
        "versions": versions(),
    }


def _resume_state(
    folder: Path | None, identity: Mapping[str, object]
) -> ResumeState:
    if folder is None:
        return NoResumeState()
    return open_resume_state(Path(folder), identity)


def _timed(
    name: str, evaluation: Evaluation, context: EvaluationContext
) -> AttackResult:
    began = time.monotonic()
    result = evaluation(name, context)
    return replace(result, seconds=time.monotonic() - began)


def _save_images(
    path: Path, samples: Samples, results: Iterable[AttackResult]
) -> None:
    arrays: dict[str, Any] = {
        result.name: result.x_adv
        for result in results
        if result.x_adv is not None
    }
    write_whole(path, lambda file: np.savez(file, y=samples.labels, **arrays))
