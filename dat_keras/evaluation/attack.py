"""`attack`: the adversarial images of an attack, without a report."""

from __future__ import annotations

import keras
import numpy as np

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.validation import check_kind
from dat_keras.core.threat_models import threat_model_of
from dat_keras.evaluation.context import (
    Evaluation,
    EvaluationContext,
    refuse_nonfinite,
)
from dat_keras.evaluation.feasibility import check_attacks, check_batch_size
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import batches_of, first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.evaluation.single_attack import SingleAttack
from dat_keras.evaluation.suites import EVALUATIONS, evaluation_of_name
from dat_keras.utils.attack_names import check_attack, is_reference
from dat_keras.utils.kinds import described


def attack(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    attack: str | Attack = "pgd20",
    *,
    norm: str | None = None,
    eps: float | None = None,
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> np.ndarray:
    """Returns the adversarial images of an attack.

    A single attack, such as PGD, moves every image, misclassified ones too,
    and its last iterate is returned. AutoAttack and its parts return the
    image that broke a sample, and the clean one where nothing did, or where
    it was misclassified before.

    Args:
        model: Maps images `(B, H, W, C)` in `[0, 1]` to logits `(B, K)`.
            `dk.attack` also takes what `dk.load_model` does.
        x: Images, floats in `[0, 1]` of shape `(N, H, W, C)`.
        y: Class ids, integers of shape `(N,)`.
        attack: A name that `dk.evaluate` takes, such as `"pgd7"` or
            `"autoattack"`, or an attack with a threat model of its own.
        norm: Key of `THREAT_MODELS`, for a name. Default: `"linf"`.
        eps: Radius in pixel units of `[0, 1]`, for a name. Default: 8/255
            for `"linf"`, 0.5 for `"l2"`, 12 for `"l1"`.
        batch_size: Images per batch; random draws do not depend on it.
        seed: Seed of all draws.
        progress: Called as `progress(name, done, total)` after each batch.

    Returns:
        Images, float32 in `[0, 1]` of shape `(N, H, W, C)`.

    Raises:
        ValueError: If an argument is unknown or out of range, or model and
            images do not fit.

    Example:
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5, 0.25]]]])
    >>> attack(keras.Sequential(layers), x, [0], eps=0.125).tolist()
    [[[[0.375, 0.375]]]]
    """
    check_kind(model)
    check_batch_size(batch_size)
    name, evaluation = _evaluation(attack, norm, eps)
    samples = first_samples((x, y))
    check_attacks({name: evaluation}, check_fit(model, samples), samples)
    context = EvaluationContext(
        predict=Predictor(model),
        samples=samples,
        threat_model=threat_model_of(norm or "linf", eps),
        protocol=PROTOCOLS["strict"],
        batch_size=min(batch_size, len(samples)),
        seed=seed,
        progress=progress or (lambda name, done, total: None),
        keep_images=True,
    )
    if isinstance(evaluation, SingleAttack):
        return _last_iterates(name, evaluation.attack, context)
    found = evaluation(name, context).x_adv
    if found is None:
        raise ValueError(f"`attack` keeps no images. Received: {name}")
    return found


def _evaluation(
    attack: str | Attack, norm: str | None, eps: float | None
) -> tuple[str, Evaluation]:
    """The name, which random draws depend on, and what it names."""
    if isinstance(attack, Attack):
        if norm is not None or eps is not None:
            raise ValueError(
                "`norm` and `eps` are for an attack given by its name; this "
                f"one has {attack.threat_model}. "
                f"Received: norm={norm!r}, eps={eps!r}"
            )
        return type(attack).__name__.lower(), SingleAttack(attack)
    if not isinstance(attack, str):
        raise ValueError(
            "`attack` must be a name such as 'pgd20', or an `Attack`. "
            f"Received: attack={described(attack)}"
        )
    if not is_reference(attack):
        check_attack(attack, (n for n in EVALUATIONS if n != "natural"))
    return attack, evaluation_of_name(
        attack, threat_model_of(norm or "linf", eps)
    )


def _last_iterates(
    name: str, attack: Attack, context: EvaluationContext
) -> np.ndarray:
    """What a single attack makes of each image."""
    search = context.traced(name, attack)
    made = []
    rows = np.arange(len(context.samples))
    for batch in batches_of(rows, context.batch_size):
        x, y = context.samples.rows(batch)
        x_adv = run_in_parallel(search, x, y, batch)
        refuse_nonfinite(name, batch[~np.isfinite(x_adv).all((1, 2, 3))])
        made.append(x_adv)
        context.progress(name, int(batch[-1]) + 1, len(rows))
    return np.concatenate(made)
