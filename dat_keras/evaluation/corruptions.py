"""`evaluate_corruptions`: accuracy, natural and robust, on corrupted images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.validation import check_kind
from dat_keras.core.threat_models import threat_model_of
from dat_keras.corruptions import CORRUPTIONS, SEVERITIES, table_of
from dat_keras.corruptions.base import check_severity
from dat_keras.corruptions.corrupt import corrupt
from dat_keras.data.cifar10_corrupted import check_prepared, load_corrupted
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.corruption_report import (
    CorruptedAccuracy,
    CorruptionReport,
)
from dat_keras.evaluation.feasibility import check_attacks, check_batch_size
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import Data, Samples, first_samples
from dat_keras.evaluation.sanity_checks import check_fit, sanity_cautions
from dat_keras.evaluation.suites import select_attacks
from dat_keras.utils.registry import lookup, split_names

CLASSES = 10
"""Classes of the published images."""


def evaluate_corruptions(
    model: keras.Model,
    data: Data,
    corruptions: str | Sequence[str] = "all",
    severities: Sequence[int] = SEVERITIES,
    *,
    attacks: str | Sequence[str] = "natural",
    norm: str = "linf",
    eps: float | None = None,
    n_examples: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    protocol: str = "strict",
    published: bool = False,
    data_dir: Path | None = None,
    progress: Progress | None = None,
) -> CorruptionReport:
    """Measures accuracies on corrupted images.

    An attack starts from the corrupted image, and its radius is about it:
    robust accuracy is that of a classifier which sees nothing else.

    Args:
        model: Maps images `(B, H, W, C)` in `[0, 1]` to logits `(B, K)`.
            `dk.evaluate_corruptions` also takes what `dk.load_model` does.
        data: See `evaluate`.
        corruptions: `"all"`, or keys of `corruptions.CORRUPTIONS`, as a
            sequence or separated by commas.
        severities: Of 1 to 5.
        attacks: See `evaluate`; natural accuracy comes first, named or not.
        norm: Key of `THREAT_MODELS`.
        eps: Radius in pixel units of `[0, 1]`. Default: the norm's.
        n_examples: Number of images. Default: all.
        batch_size: Images per batch.
        seed: Seed of the corruptions and of the attacks.
        protocol: Key of `PROTOCOLS`.
        published: Whether to read the published CIFAR-10-C, which TensorFlow
            Datasets has prepared, in place of `data`, which is then not read.
        data_dir: Folder of prepared TFDS sets. Default: TFDS' own.
        progress: Called as `progress(name, done, total)` after each batch.

    Returns:
        The report; `report.mean_corruption_error()` is one number of it.

    Raises:
        ValueError: If an argument is unknown or out of range.
        DataNotFoundError: If CIFAR-10-C is asked for and is not prepared.

    Example:
    >>> layers = [keras.Input((1, 2, 1)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5], [0.4]]]])
    >>> report = evaluate_corruptions(
    ...     keras.Sequential(layers), (x, [0]), "contrast"
    ... )
    >>> report.mean_corruption_error()
    0.0

    Reference:
        [Hendrycks and Dietterich, 2019](https://arxiv.org/abs/1903.12261)
    """
    check_kind(model)
    check_batch_size(batch_size)
    names = selected(corruptions)
    severities = checked_severities(severities)
    threat_model = threat_model_of(norm, eps)
    rules = lookup(PROTOCOLS, protocol, "protocol")
    evaluations = select_attacks(attacks, threat_model, rules)
    if published:
        check_prepared(names, severities, data_dir)
        data = load_corrupted(names[0], severities[0], data_dir)
    samples = first_samples(data, n_examples)
    classes = check_fit(model, samples)
    if published and classes != CLASSES:
        raise ValueError(
            f"The published CIFAR-10-C needs a classifier of {CLASSES} "
            f"classes. Received: one of {classes}"
        )
    check_attacks(evaluations, classes, samples)
    shared = _SharedGraphs(
        predict=Predictor(model),
        samples=samples,
        threat_model=threat_model,
        protocol=rules,
        batch_size=min(batch_size, len(samples)),
        seed=seed,
    )
    cautions = sanity_cautions(shared)
    rows = []
    for name in names:
        for severity in severities:
            if published:
                split = load_corrupted(name, severity, data_dir)
                images = first_samples(split, n_examples)
            else:
                images = _corrupted(samples, name, severity, seed, batch_size)
            context = replace(
                shared,
                samples=images,
                progress=_named(progress, name, severity),
            )
            correct = {
                attack: evaluation(attack, context).correct
                for attack, evaluation in evaluations.items()
            }
            rows.append(CorruptedAccuracy(name, severity, correct))
    table = table_of(*samples.images.shape[1:3])
    return CorruptionReport(
        tuple(rows),
        len(images),
        "published" if published else table,
        tuple(evaluations),
        seed,
        norm=norm,
        eps=float(threat_model.eps),
        protocol=protocol,
        cautions=cautions,
    )


@dataclass(frozen=True, eq=False)
class _SharedGraphs(EvaluationContext):
    """A context whose copies for other images share traced functions."""

    graphs: dict = field(default_factory=dict)

    @property
    def forward(self) -> tf.types.experimental.PolymorphicFunction:
        """The classifier as a traced function of any number of images."""
        if None not in self.graphs:
            self.graphs[None] = super().forward
        return self.graphs[None]

    def traced(
        self, name: str, attack: Attack
    ) -> tf.types.experimental.PolymorphicFunction:
        """Returns an attack as a traced function of any number of images."""
        if name not in self.graphs:
            self.graphs[name] = super().traced(name, attack)
        return self.graphs[name]


def selected(corruptions: str | Sequence[str]) -> tuple[str, ...]:
    """Returns names of corruptions.

    Args:
        corruptions: `"all"`, or names, as a sequence or separated by commas.

    Raises:
        ValueError: If a name is unknown, or there is none.

    Example:
    >>> selected("fog, snow"), len(selected("all"))
    (('fog', 'snow'), 19)
    """
    if corruptions == "all":
        return tuple(CORRUPTIONS)
    names = corruptions
    if isinstance(corruptions, str):
        names = split_names(corruptions)
    names = tuple(dict.fromkeys(names))
    for name in names:
        lookup(CORRUPTIONS, name, "corruption")
    if not names:
        raise ValueError("`corruptions` must name one. Received: none")
    return names


def checked_severities(severities: Sequence[int]) -> tuple[int, ...]:
    """Returns severities in order, without repetition.

    Raises:
        ValueError: If one is none of 1 to 5, or there is none.
    """
    for severity in severities:
        check_severity(severity)
    if not severities:
        raise ValueError("`severities` must hold one of 1 to 5. Received: none")
    return tuple(sorted(set(severities)))


def _corrupted(
    samples: Samples, name: str, severity: int, seed: int, batch_size: int
) -> Samples:
    x, _ = samples.rows(np.arange(len(samples)))
    x = corrupt(x, name, severity, seed, batch_size=batch_size)
    return replace(samples, images=x, scale=1.0)


def _named(progress: Progress | None, name: str, severity: int) -> Progress:
    """Progress that says which corruption it is of."""

    def tell(attack: str, done: int, total: int) -> None:
        if progress is not None:
            progress(f"{name} {severity} {attack}", done, total)

    return tell
