"""Checks of the arguments of `write_report`, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from dat_keras.analysis.robustness.evaluations import (
    Evaluations,
    read_evaluations,
)
from dat_keras.analysis.robustness.run_record import RunRecord
from dat_keras.analysis.subject import Subject
from dat_keras.core.threat_models import THREAT_MODELS, threat_model_of
from dat_keras.core.weights import fingerprint
from dat_keras.data import Batches, Split
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.evaluation.samples import Data, Samples
from dat_keras.utils.norms import DEFAULT_EPS, union_radii
from dat_keras.utils.registry import lookup, split_names


def check_count(name: str, value: int) -> None:
    """Refuses a number below 1.

    Args:
        name: Name of the argument.
        value: Its value.

    Raises:
        ValueError: If it is below 1.
    """
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {value}")


def named_classifiers(
    models: keras.Model | Mapping[str, keras.Model],
) -> dict[str, keras.Model]:
    """Returns the classifiers by name.

    Args:
        models: A classifier, or several by name.

    Raises:
        ValueError: If there is none.
    """
    if not isinstance(models, Mapping):
        models = {getattr(models, "name", "model"): models}
    if not models:
        raise ValueError("`models` must name a model. Received: none")
    return {name: Subject.of(m).classifier for name, m in models.items()}


def run_records(
    models: Mapping[str, keras.Model], runs: Mapping[str, Path | str]
) -> dict[str, RunRecord]:
    """Returns records of trainings by the name of their model.

    Args:
        models: The classifiers by name.
        runs: Run folders by name.

    Raises:
        ValueError: If a name is none of the classifiers'.
        RunFolderError: If a folder holds no run.
    """
    for name in runs:
        lookup(models, name, "model in `runs`")
    return {name: RunRecord.read(path) for name, path in runs.items()}


def earlier_results(
    models: Mapping[str, keras.Model], paths: Sequence[Path | str]
) -> dict[str, Evaluations]:
    """Returns results of files, by the sha256 of their weights.

    Args:
        models: The classifiers by name.
        paths: Files of `dat-keras evaluate --json`.

    Raises:
        ValueError: If a file is on other weights.
        DamagedFileError: If a file holds nothing to show.
    """
    found = read_evaluations(paths)
    others = found.keys() - set(map(fingerprint, models.values()))
    if others:
        raise ValueError(
            "`evaluations` must be reports on the weights of these models. "
            f"Received: reports on weights of sha256 {', '.join(others)}"
        )
    return found


def checked_radius(norm: str, eps: float | None, samples: Samples) -> float:
    """Returns the radius of a report.

    Args:
        norm: Key of `THREAT_MODELS`.
        eps: The radius. Default: that of the norm.
        samples: The images.

    Raises:
        ValueError: If its ball is empty or holds every image.
    """
    radius = DEFAULT_EPS[norm] if eps is None else float(eps)
    THREAT_MODELS[norm](radius)
    largest = THREAT_MODELS[norm].radius_of_box(samples.images.shape[1:])
    if not 0 < radius < largest:
        raise ValueError(
            f"`eps` must be above 0 and below {largest:g}, where the ball "
            f"holds every image. Received: eps={radius:g}"
        )
    return radius


def radii_of_norms(
    norm: str | Sequence[str], eps: float | Mapping[str, float] | None
) -> dict[str, float]:
    """Returns radii by the name of the norm, that of the curve first.

    Args:
        norm: Keys of `THREAT_MODELS`, as a sequence or separated by commas.
        eps: The radius of a single norm, or radii by name.

    Raises:
        ValueError: If a norm is unknown, or a radius is none of its own.
    """
    norms = split_names(norm) if isinstance(norm, str) else list(norm)
    if eps is None:
        return union_radii(norms, {})
    if isinstance(eps, Mapping) or len(norms) != 1:
        return union_radii(norms, eps)  # type: ignore[arg-type]
    lookup(DEFAULT_EPS, norms[0], "norm")
    return {norms[0]: float(eps)}


def checked_certificate(
    certify: Certifier | str | None,
    models: Mapping[str, keras.Model],
    radii: Mapping[str, float],
) -> Certifier | None:
    """Returns the method that a report certifies by, if any.

    Args:
        certify: A method, a key of `CERTIFIERS`, or `None`.
        models: The classifiers by name.
        radii: Radii by the name of the norm.

    Raises:
        ValueError: If it certifies none of these norms, or a layer has no
            bounds.
    """
    if certify is None:
        return None
    made = certify if isinstance(certify, Certifier) else certifier_of(certify)
    if made.norm not in radii:
        made.check_norm(threat_model_of(next(iter(radii))))
    for model in models.values():
        made.check(model)
    return made


def check_passes(eot: int, corruptions: bool, transfer: bool) -> None:
    """Refuses a number of passes that is out of range or has no effect.

    Args:
        eot: Passes over which attacks average.
        corruptions: Whether corruptions are measured, in single passes.
        transfer: Whether transfer is measured, in single passes.

    Raises:
        ValueError: If there is no pass, or another measurement takes one.
    """
    check_count("eot", eot)
    for name, asked in (("corruptions", corruptions), ("transfer", transfer)):
        if eot > 1 and asked:
            raise ValueError(f"`eot` takes no `{name}`. Received: eot={eot}")


def check_transfer(transfer: bool, models: Mapping[str, keras.Model]) -> None:
    """Refuses the transfer matrix of a single model.

    Args:
        transfer: Whether it is asked for.
        models: The classifiers by name.

    Raises:
        ValueError: If there is one model.
    """
    if transfer and len(models) < 2:
        raise ValueError("`transfer` takes two or more models. Received: 1")


def names_of_classes(
    data: Data, records: Mapping[str, RunRecord], classes: int
) -> tuple[str, ...]:
    """Returns names of the data or of a run, if they fit; else numbers.

    Args:
        data: What `evaluate` takes.
        records: Records of trainings.
        classes: Number of classes.
    """
    split = data.split if isinstance(data, Batches) else data
    known = [split.class_names] if isinstance(split, Split) else []
    known += [record.class_names for record in records.values()]
    numbers = tuple(map(str, range(classes)))
    return next((n for n in known if len(n) == classes), numbers)
