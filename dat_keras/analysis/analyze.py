"""`analyze`: does an attack's damage sit in the amplitude or in the phase?"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from dat_keras.analysis.band_swap import partners
from dat_keras.analysis.measure import measure
from dat_keras.analysis.output_folder import check_output, check_plots
from dat_keras.analysis.report import SpectralReport
from dat_keras.analysis.subject import Subject
from dat_keras.attacks import ATTACKS, attack_of_name
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.core.types import Images, Labels
from dat_keras.core.versions import versions
from dat_keras.data import Batches, Split
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.progress import Progress, prefixed
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.utils.attack_names import check_attack
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.registry import lookup


def analyze(
    models: keras.Model | Mapping[str, keras.Model | Subject],
    data: tuple[Images, Labels] | Split | Batches | tf.data.Dataset,
    output: Path | str | None = None,
    *,
    attack: str = "pgd20",
    norm: str = "linf",
    eps: float | Sequence[float] | None = None,
    n_examples: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SpectralReport:
    """Measures accuracy with an attack's amplitude and phase apart.

    Each image `x` is attacked, and the change of `x'` is split by
    `swap_spectra` into `x'_amp` (its amplitude, the phase of `x`) and `x'_pha`
    (its phase, the amplitude of `x`). Also measured are the spectrum of the
    perturbation, changes of phase and amplitude by frequency, and accuracy
    with another image's amplitudes in a band of frequencies.

    Args:
        models: A classifier, or several by name. Of an `AdversarialModel` the
            classifier is measured, and with it DAT's generator.
        data: What `evaluate` takes.
        output: A folder that is new or empty, for `report.json`, figures and
            the page `index.html`; needs matplotlib. Default: no files.
        attack: Key of `ATTACKS`, or `pgdN`; its last iterate is `x'`.
        norm: Key of `THREAT_MODELS`.
        eps: Radius in pixel units of `[0, 1]`, or several. Default: a
            quarter, a half and all of 8/255 (`"l2"`: of 0.5). Spectra are
            those of the largest.
        n_examples: Number of images, the first ones. Default: all.
        batch_size: Images per batch.
        seed: Seed of all draws.
        overwrite: Whether an earlier analysis in `output` is replaced.
        progress: Called as `progress(name, done, total)` after each batch.

    Returns:
        The report; `print(report)` shows its main table.

    Raises:
        ValueError: If an argument is unknown or out of range, or a model does
            not fit the images.
        MissingPackageError: If `output` is given without matplotlib.
        RunFolderError: If `output` holds something else, or cannot be written.

    Example:
    >>> import numpy as np
    >>> mean = keras.layers.Lambda(lambda x: tf.reduce_mean(x, (1, 2)))
    >>> model = keras.Sequential([keras.Input((4, 4, 2)), mean])
    >>> x = np.full((2, 4, 4, 2), 0.5) + np.array([0.02, 0.0])
    >>> report = analyze(model, (x, [0, 0]), eps=0.05)
    >>> report.models[0].largest.correct  # x, x', x'_amp, x'_pha
    (2, 0, 0, 2)
    """
    check_attack(attack, ATTACKS)
    radii = _radii(norm, eps)
    _check_batch_size(batch_size)
    subjects = _subjects(models)
    if output is not None:
        check_plots()
        check_output(Path(output), overwrite)
    samples = first_samples(data, n_examples)
    # Refuses a single image now, not after its attack.
    partners(len(samples), seed)
    for subject in subjects.values():
        check_fit(subject.classifier, samples)
    tell = progress or (lambda name, done, total: None)
    found = {}
    for name, subject in subjects.items():
        context = EvaluationContext(
            predict=Predictor(subject.classifier),
            samples=samples,
            threat_model=THREAT_MODELS[norm](radii[-1]),
            protocol=PROTOCOLS["dat"],
            batch_size=min(batch_size, len(samples)),
            seed=seed,
            progress=prefixed(name, tell) if len(subjects) > 1 else tell,
        )
        found[name] = measure(name, subject, context, attack, norm, radii)
    report = SpectralReport(
        tuple(spectra for spectra, _ in found.values()),
        samples.name,
        samples.fingerprint(),
        len(samples),
        samples.whole,
        norm,
        attack,
        repr(attack_of_name(attack, THREAT_MODELS[norm](radii[-1]))),
        seed,
        min(batch_size, len(samples)),
        tuple(versions().items()),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    if output is not None:
        from dat_keras.analysis.write import write

        pictures = {name: shown for name, (_, shown) in found.items()}
        write(report, pictures, Path(output))
    return report


def _radii(norm: str, eps: float | Sequence[float] | None) -> tuple[float, ...]:
    """The radii, smallest first."""
    make = lookup(THREAT_MODELS, norm, "norm")
    if eps is None:
        largest = DEFAULT_EPS[norm]
        return largest / 4, largest / 2, largest
    given = eps if isinstance(eps, Sequence) else (eps,)
    radii = tuple(sorted(map(float, given)))
    if not radii or radii[0] <= 0 or len(set(radii)) < len(radii):
        raise ValueError(
            "`eps` must be a positive number, or several that differ. "
            f"Received: eps={eps}"
        )
    for radius in radii:
        make(radius)
    return radii


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(
            "`batch_size` must be at least 1. "
            f"Received: batch_size={batch_size}"
        )


def _subjects(
    models: keras.Model | Mapping[str, keras.Model | Subject],
) -> dict[str, Subject]:
    if not isinstance(models, Mapping):
        subject = Subject.of(models)
        return {subject.classifier.name: subject}
    if not models:
        raise ValueError("`models` must name a model. Received: none")
    return {name: Subject.of(model) for name, model in models.items()}
