"""Measures one classifier: accuracy by radius, confusion, breaking radii."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from dat_keras.analysis.robustness.breaking_radius import Bisection, bisect
from dat_keras.analysis.robustness.masking import (
    apgd_cautions,
    distance_cautions,
    masking_cautions,
)
from dat_keras.analysis.robustness.model_robustness import (
    BreakingRadius,
    Confusion,
    ModelRobustness,
    RadiusCount,
    radius_text,
)
from dat_keras.analysis.robustness.radius_search import APGD, RadiusSearch
from dat_keras.analysis.robustness.smallest_perturbations import run_distances
from dat_keras.analysis.robustness.survivors import run_autoattack
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.core.weights import fingerprint
from dat_keras.evaluation.context import Evaluation, EvaluationContext
from dat_keras.evaluation.eot import eot_cautions
from dat_keras.evaluation.samples import batches_of

MULTIPLES = (1 / 8, 1 / 4, 1 / 2, 1.0, 1.5, 2.0)
"""Radii of the curve, in radii of the report: to 16/255 for 8/255."""
APGD_MULTIPLES = (1 / 2, 1.0, 2.0)
"""Radii at which APGD follows: 4/255, 8/255 and 16/255 for 8/255."""
SHOWN = 3
"""Images shown at each end of the ranking."""


@dataclass(frozen=True, eq=False)
class Example:
    """An image, its adversarial twin and where they stand.

    Args:
        rank: Place of the image among those searched, from 1.
        of: Their number.
        image: The image, `(H, W, C)`.
        twin: The adversarial image.
        breaking: Its radius and classes.
    """

    rank: int
    of: int
    image: np.ndarray
    twin: np.ndarray
    breaking: BreakingRadius


def measure_robustness(
    name: str,
    model: keras.Model,
    context: EvaluationContext,
    norm: str,
    eps: float,
    n_bisected: int,
    *,
    apgd: bool = True,
    autoattack: bool = False,
    distances: Mapping[str, Evaluation] | None = None,
) -> tuple[ModelRobustness, tuple[Example, ...]]:
    """Measures a classifier.

    Args:
        name: What the report calls it.
        model: The classifier.
        context: The same with images and settings.
        norm: Key of `THREAT_MODELS`.
        eps: The report's radius.
        n_bisected: Largest number of images whose breaking radius is sought.
        apgd: Whether APGD follows PGD-20 at some radii.
        autoattack: Whether AutoAttack is run at the report's radius.
        distances: Minimum-norm attacks by name. Default: none.

    Returns:
        The numbers, and the least and the most robust images.
    """
    cautions = eot_cautions(context)
    samples = context.samples
    largest = THREAT_MODELS[norm].radius_of_box(samples.images.shape[1:])
    answers = _answers(context)
    right = answers == samples.labels
    positions = np.flatnonzero(right)
    search = RadiusSearch(context, norm)
    robust = {0.0: right}
    attacked = answers.copy()
    radii = [eps * multiple for multiple in MULTIPLES]
    for radius in (*(r for r in radii if r < largest), largest):
        each = np.full(len(positions), radius)
        task = f"pgd20 eps {radius_text(radius)}"
        found = search(task, positions, each)
        robust[radius] = np.zeros(len(samples), bool)
        robust[radius][positions[~found.broken]] = True
        if radius == eps:
            attacked[positions] = found.classes
    left = _after_apgd(context, norm, robust, eps) if apgd else {}
    bisection = bisect(search, positions[:n_bisected], eps, largest)
    order = np.argsort(bisection.steps, kind="stable")
    breaking = tuple(_breaking(context, bisection, i) for i in order)
    nearest = run_distances(distances or {}, context)
    survivors, found_by_aa = (
        run_autoattack(context, norm) if autoattack else (None, ())
    )
    robustness = ModelRobustness(
        name,
        fingerprint(model),
        _counts(robust),
        _counts(left),
        confusion(samples.labels, answers, context.classes),
        confusion(samples.labels, attacked, context.classes),
        breaking,
        bisection.step,
        bisection.step * bisection.limit,
        (
            *cautions,
            *masking_cautions(robust, largest),
            *apgd_cautions(robust, left),
            *distance_cautions(robust[eps], nearest, eps),
            *found_by_aa,
        ),
        () if survivors is None else (survivors,),
        nearest,
    )
    return robustness, _examples(context, bisection, order, breaking)


def _counts(robust: Mapping[float, np.ndarray]) -> tuple[RadiusCount, ...]:
    return tuple(RadiusCount(e, int(rows.sum())) for e, rows in robust.items())


def _after_apgd(
    context: EvaluationContext,
    norm: str,
    robust: Mapping[float, np.ndarray],
    eps: float,
) -> dict[float, np.ndarray]:
    """What APGD leaves of the images that PGD-20 left, by radius.

    Draws are those of `evaluate` with `apgd-ce`: it breaks the same images,
    only those that are broken already are spared.
    """
    search = RadiusSearch(context, norm, APGD)
    found = {}
    for radius in (eps * multiple for multiple in APGD_MULTIPLES):
        if radius not in robust:
            continue
        positions = np.flatnonzero(robust[radius])
        task = f"{APGD} eps {radius_text(radius)}"
        hit = search(task, positions, np.full(len(positions), radius)).broken
        found[radius] = robust[radius].copy()
        found[radius][positions[hit]] = False
    return found


def confusion(
    labels: np.ndarray, answers: np.ndarray, classes: int
) -> Confusion:
    """Counts which class is taken for which.

    Args:
        labels: Right classes, shape `(N,)`.
        answers: The classifier's, shape `(N,)`.
        classes: Number of classes.

    Example:
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).counts
    ((1, 1), (0, 1))
    """
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, answers), 1)
    return Confusion(tuple(map(tuple, counts.tolist())))


def _answers(context: EvaluationContext) -> np.ndarray:
    """The classes of all images without an attack."""
    answers = np.zeros(len(context.samples), int)
    for rows in batches_of(np.arange(len(answers)), context.batch_size):
        x, _ = context.samples.rows(rows)
        answers[rows] = context.logits(x).argmax(-1)
        context.progress("natural", int(rows[-1]) + 1, len(answers))
    return answers


def _breaking(
    context: EvaluationContext, found: Bisection, i: int
) -> BreakingRadius:
    position, steps = int(found.positions[i]), int(found.steps[i])
    return BreakingRadius(
        position,
        int(context.samples.labels[position]),
        steps * found.step if steps <= found.limit else None,
        int(found.classes[i]),
    )


def _examples(
    context: EvaluationContext,
    found: Bisection,
    order: np.ndarray,
    breaking: tuple[BreakingRadius, ...],
) -> tuple[Example, ...]:
    """Images at both ends of the ranking, each once."""
    count = len(order)
    ends = [*range(min(SHOWN, count)), *range(max(0, count - SHOWN), count)]
    images, _ = context.samples.rows(found.positions)
    return tuple(
        Example(
            rank + 1,
            count,
            images[order[rank]],
            found.twins[order[rank]],
            breaking[rank],
        )
        for rank in dict.fromkeys(ends)
    )
