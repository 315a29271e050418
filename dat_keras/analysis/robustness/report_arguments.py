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
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.core.weights import fingerprint
from dat_keras.data import Batches, Split
from dat_keras.evaluation.samples import Data, Samples
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.registry import lookup


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
