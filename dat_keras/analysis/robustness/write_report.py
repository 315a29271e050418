"""`write_report`: how robust classifiers are, as one HTML page."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras

from dat_keras.analysis.output_folder import check_file, check_plots
from dat_keras.analysis.robustness.measure_robustness import (
    measure_robustness,
)
from dat_keras.analysis.robustness.radius_search import pgd_in
from dat_keras.analysis.robustness.robustness_report import RobustnessReport
from dat_keras.analysis.robustness.run_record import RunRecord
from dat_keras.analysis.robustness.survivors import (
    Survivors,
    read_survivors,
)
from dat_keras.analysis.subject import Subject
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.core.versions import versions
from dat_keras.core.weights import fingerprint
from dat_keras.data import Batches, Split
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.progress import Progress, prefixed
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import Data, Samples, first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.utils.files import write_whole
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.registry import lookup


def write_report(
    models: keras.Model | Mapping[str, keras.Model],
    data: Data,
    output: Path | str,
    *,
    runs: Mapping[str, Path | str] | None = None,
    norm: str = "linf",
    eps: float | None = None,
    n_examples: int | None = None,
    n_bisected: int = 64,
    apgd: bool = True,
    autoattack: bool = False,
    evaluations: Sequence[Path | str] = (),
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> RobustnessReport:
    """Writes a page on the robustness of classifiers under PGD-20.

    It shows accuracy against the radius with warnings of masked gradients,
    what AutoAttack leaves after each part, accuracy and confusion of classes,
    the images that the smallest and the largest radii break, and of run
    folders the training: curves, cost and recipe.

    Args:
        models: A classifier, or several by name. Of an `AdversarialModel` the
            classifier is measured.
        data: What `evaluate` takes.
        output: The HTML file; one that is there is replaced.
        runs: Run folders by the name of their model. Default: none.
        norm: Key of `THREAT_MODELS`.
        eps: Radius of confusion and examples, in pixel units of `[0, 1]`;
            the curve ends at twice that. Default: 8/255, `"l2"`: 0.5.
        n_examples: Number of images, the first ones. Default: all.
        n_bisected: Largest number of images whose breaking radius is sought,
            the first that are right.
        apgd: Whether APGD-CE attacks the images that PGD-20 leaves at a half,
            once and twice the radius.
        autoattack: Whether AutoAttack is run at the radius; it takes far
            longer than everything else.
        evaluations: JSON files of `dat-keras evaluate --json`: AutoAttack's
            results in them are shown with the model of the same weights.
        batch_size: Images per batch.
        seed: Seed of all draws.
        progress: Called as `progress(name, done, total)` after each batch.

    Returns:
        The numbers; `print(report)` shows the main ones.

    Raises:
        ValueError: If an argument is unknown or out of range, or a model does
            not fit the images.
        MissingPackageError: If matplotlib is not installed.
        RunFolderError: If `output` cannot be written, or one of `runs` is no
            run folder.
        DamagedFileError: If a file of a run cannot be read, or one of
            `evaluations` holds no result of AutoAttack.

    Example:
    >>> import tempfile
    >>> import numpy as np
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5, 0.4]]], [[[0.5, 0.0]]]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = Path(folder) / "report.html"
    ...     model = keras.Sequential(layers)
    ...     report = write_report(model, (x, [0, 0]), page, eps=0.1)
    >>> [p.correct for p in report.models[0].curve if p.eps >= 0.1]
    [1, 1, 1, 0]
    """
    lookup(DEFAULT_EPS, norm, "norm")
    _check_count("n_bisected", n_bisected)
    _check_count("batch_size", batch_size)
    named = _named(models)
    records = _records(named, runs or {})
    check_plots()
    check_file(Path(output))
    survivors = _survivors(named, evaluations)
    samples = first_samples(data, n_examples)
    radius = _radius(norm, eps, samples)
    for model in named.values():
        check_fit(model, samples)
    tell = progress or (lambda name, done, total: None)
    found = {}
    for name, model in named.items():
        context = EvaluationContext(
            predict=Predictor(model),
            samples=samples,
            threat_model=THREAT_MODELS[norm](radius),
            protocol=PROTOCOLS["strict"],
            batch_size=min(batch_size, len(samples)),
            seed=seed,
            progress=prefixed(name, tell) if len(named) > 1 else tell,
        )
        found[name] = measure_robustness(
            name,
            model,
            context,
            norm,
            radius,
            n_bisected,
            apgd=apgd,
            autoattack=autoattack,
        )
    measured = tuple(
        replace(
            numbers, autoattack=(*numbers.autoattack, *survivors[numbers.name])
        )
        for numbers, _ in found.values()
    )
    report = RobustnessReport(
        measured,
        records,
        _class_names(data, records, len(measured[0].clean.counts)),
        samples.name,
        samples.fingerprint(),
        len(samples),
        samples.whole,
        norm,
        radius,
        repr(pgd_in(THREAT_MODELS[norm](radius))),
        seed,
        min(batch_size, len(samples)),
        tuple(versions().items()),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    from dat_keras.analysis.robustness.page import page

    examples = {name: shown for name, (_, shown) in found.items()}
    html = page(report, examples).encode()
    write_whole(Path(output), lambda file: file.write(html))
    return report


def _check_count(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {value}")


def _named(
    models: keras.Model | Mapping[str, keras.Model],
) -> dict[str, keras.Model]:
    if not isinstance(models, Mapping):
        models = {getattr(models, "name", "model"): models}
    if not models:
        raise ValueError("`models` must name a model. Received: none")
    return {name: Subject.of(m).classifier for name, m in models.items()}


def _records(
    models: Mapping[str, keras.Model], runs: Mapping[str, Path | str]
) -> dict[str, RunRecord]:
    for name in runs:
        lookup(models, name, "model in `runs`")
    return {name: RunRecord.read(path) for name, path in runs.items()}


def _survivors(
    models: Mapping[str, keras.Model], paths: Sequence[Path | str]
) -> dict[str, list[Survivors]]:
    """AutoAttack's results of files, by the name of their model."""
    found = read_survivors(paths)
    weights = {name: fingerprint(model) for name, model in models.items()}
    others = found.keys() - set(weights.values())
    if others:
        raise ValueError(
            "`evaluations` must be reports on the weights of these models. "
            f"Received: reports on weights of sha256 {', '.join(others)}"
        )
    return {name: found.get(sha256, []) for name, sha256 in weights.items()}


def _radius(norm: str, eps: float | None, samples: Samples) -> float:
    radius = DEFAULT_EPS[norm] if eps is None else float(eps)
    THREAT_MODELS[norm](radius)
    largest = THREAT_MODELS[norm].radius_of_box(samples.images.shape[1:])
    if not 0 < radius < largest:
        raise ValueError(
            f"`eps` must be above 0 and below {largest:g}, where the ball "
            f"holds every image. Received: eps={radius:g}"
        )
    return radius


def _class_names(
    data: Data, records: Mapping[str, RunRecord], classes: int
) -> tuple[str, ...]:
    """Names of the data or of a run, if they fit; else numbers."""
    split = data.split if isinstance(data, Batches) else data
    known = [split.class_names] if isinstance(split, Split) else []
    known += [record.class_names for record in records.values()]
    numbers = tuple(map(str, range(classes)))
    return next((n for n in known if len(n) == classes), numbers)
