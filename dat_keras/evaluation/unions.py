"""`evaluate_union`: robust accuracy under several threat models at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from dat_keras.core.threat_models import threat_model_of
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.samples import Data
from dat_keras.evaluation.union_report import UnionReport
from dat_keras.utils.norms import union_radii
from dat_keras.utils.registry import split_names


def evaluate_union(
    model: keras.Model,
    data: Data,
    attacks: str | Sequence[str] = ("natural", "fgsm", "pgd20"),
    *,
    norm: str | Sequence[str] = ("linf", "l2", "l1"),
    eps: Mapping[str, float] | None = None,
    n_examples: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    protocol: str = "strict",
    progress: Progress | None = None,
    resume: Path | None = None,
    search_dtype: str | None = None,
    eot: int = 1,
) -> UnionReport:
    """Measures the accuracy under attacks in each norm, and in all of them.

    Of the union of threat models, an image is robust if it is robust in each.
    Every norm is an `evaluate` of the same images with the same seed, so its
    rows are those of `evaluate` alone.

    Args:
        model: Maps images `(B, H, W, C)` in `[0, 1]` to logits `(B, K)`.
            `dk.evaluate_union` also takes what `dk.load_model` does.
        data: See `evaluate`.
        attacks: Names, as for `evaluate`: each is run in every norm.
        norm: Keys of `THREAT_MODELS`, as a sequence or separated by commas.
        eps: Radii by the name of the norm, in pixel units of `[0, 1]`.
            Default of each norm left out: that of `evaluate`.
        n_examples: Number of images. Default: all.
        batch_size: Images per batch.
        seed: Seed of all draws.
        protocol: Key of `PROTOCOLS`.
        progress: Called as `progress(name, done, total)` after each batch;
            the name is that of norm and attack.
        resume: A folder, in which each norm has one of its name for the
            state of AutoAttack and its parts. See `evaluate`.
        search_dtype: See `evaluate`.
        eot: See `evaluate`.

    Returns:
        The report; `report["pgd20"].accuracy` is that of the union, and
        `report.reports["l2"]` the report of a norm.

    Raises:
        ValueError: If an argument is unknown or out of range.

    Example:
    >>> import numpy as np
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5, 0.4]]], [[[0.5, 0.1]]]])
    >>> report = evaluate_union(
    ...     keras.Sequential(layers), (x, [0, 0]), "pgd20", norm="linf,l2",
    ...     eps={"linf": 0.02, "l2": 0.1},
    ... )
    >>> [each["pgd20"].accuracy for each in report.reports.values()]
    [1.0, 0.5]
    >>> report["pgd20"].accuracy
    0.5

    Reference:
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """
    if isinstance(attacks, Mapping):
        raise ValueError(
            "`attacks` must be names, as an attack value searches one norm. "
            f"Received: a mapping of {', '.join(map(str, attacks))}"
        )
    names = split_names(norm) if isinstance(norm, str) else list(norm)
    radii = union_radii(names, eps or {})
    for name, radius in radii.items():
        threat_model_of(name, radius)
    shared: dict[str, Any] = {
        "n_examples": n_examples,
        "batch_size": batch_size,
        "seed": seed,
        "protocol": protocol,
        "search_dtype": search_dtype,
        "eot": eot,
    }
    return UnionReport(
        {
            name: evaluate(
                model,
                data,
                attacks,
                norm=name,
                eps=radius,
                progress=_named(progress, name),
                resume=Path(resume) / name if resume else None,
                **shared,
            )
            for name, radius in radii.items()
        }
    )


def _named(progress: Progress | None, norm: str) -> Progress:
    """Progress that says which norm it is of."""

    def tell(attack: str, done: int, total: int) -> None:
        if progress is not None:
            progress(f"{norm} {attack}", done, total)

    return tell
