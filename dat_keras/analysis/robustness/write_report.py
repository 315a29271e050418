"""`write_report`: how robust classifiers are, as one HTML page."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras

from dat_keras.analysis.output_folder import check_file, check_plots
from dat_keras.analysis.robustness.evaluations import Evaluations
from dat_keras.analysis.robustness.measure_robustness import (
    measure_robustness,
)
from dat_keras.analysis.robustness.radius_search import pgd_in
from dat_keras.analysis.robustness.report_arguments import (
    check_count,
    checked_radius,
    earlier_results,
    named_classifiers,
    names_of_classes,
    run_records,
)
from dat_keras.analysis.robustness.robustness_report import RobustnessReport
from dat_keras.analysis.robustness.smallest_perturbations import (
    check_distances,
)
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.core.versions import versions
from dat_keras.corruptions import SEVERITIES
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.corruptions import (
    checked_severities,
    evaluate_corruptions,
    selected,
)
from dat_keras.evaluation.progress import Progress, prefixed
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import Data, first_samples
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
    distances: str | Sequence[str] = (),
    corruptions: str | Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    evaluations: Sequence[Path | str] = (),
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> RobustnessReport:
    """Writes a page on the robustness of classifiers under PGD-20.

    It shows accuracy against the radius with warnings of masked gradients,
    what AutoAttack leaves after each part, minimal distances, accuracy on
    corrupted images, accuracy and confusion of classes, the images that the
    smallest and the largest radii break, and of run folders the training:
    curves, cost and recipe.

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
        distances: Minimum-norm attacks whose distances are shown: `"fmn"`,
            `"fab"` or both, as a sequence or separated by commas. Default:
            none.
        corruptions: `"all"`, or keys of `corruptions.CORRUPTIONS`, on which
            natural accuracy is measured. Default: none.
        severities: Severities of the corruptions, of 1 to 5. Default: all.
        evaluations: JSON files of `dat-keras evaluate --json`: results in
            them of AutoAttack, of minimum-norm attacks and on corruptions are
            shown with the model of the same weights.
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
            `evaluations` holds nothing to show.

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
    check_count("n_bisected", n_bisected)
    check_count("batch_size", batch_size)
    named = named_classifiers(models)
    records = run_records(named, runs or {})
    check_plots()
    check_file(Path(output))
    others = earlier_results(named, evaluations)
    samples = first_samples(data, n_examples)
    radius = checked_radius(norm, eps, samples)
    nearest = check_distances(distances, THREAT_MODELS[norm](radius))
    names = selected(corruptions) if len(corruptions) else ()
    severities = checked_severities(severities)
    for model in named.values():
        check_fit(model, samples)
    tell = progress or (lambda name, done, total: None)
    found = {}
    for name, model in named.items():
        show = prefixed(name, tell) if len(named) > 1 else tell
        context = EvaluationContext(
            predict=Predictor(model),
            samples=samples,
            threat_model=THREAT_MODELS[norm](radius),
            protocol=PROTOCOLS["strict"],
            batch_size=min(batch_size, len(samples)),
            seed=seed,
            progress=show,
        )
        numbers, shown = measure_robustness(
            name,
            model,
            context,
            norm,
            radius,
            n_bisected,
            apgd=apgd,
            autoattack=autoattack,
            distances=nearest,
        )
        here = Evaluations(numbers.autoattack, numbers.distances)
        if names:
            corrupted = evaluate_corruptions(
                model,
                data,
                names,
                severities,
                n_examples=len(samples),
                batch_size=batch_size,
                seed=seed,
                progress=show,
            )
            here += Evaluations(corruptions=(corrupted,))
        here += others.get(numbers.sha256, Evaluations())
        found[name] = replace(numbers, **vars(here)), shown
    measured = tuple(numbers for numbers, _ in found.values())
    report = RobustnessReport(
        measured,
        records,
        names_of_classes(data, records, len(measured[0].clean.counts)),
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
