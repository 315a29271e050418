"""`write_report`: how robust classifiers are, as one HTML page."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras

from dat_keras.analysis.output_folder import check_file, check_plots
from dat_keras.analysis.robustness.evaluations import Evaluations
from dat_keras.analysis.robustness.measure_further import SectionMeasures
from dat_keras.analysis.robustness.measure_robustness import (
    measure_robustness,
)
from dat_keras.analysis.robustness.radius_search import pgd_in
from dat_keras.analysis.robustness.report_arguments import (
    check_count,
    check_passes,
    check_transfer,
    checked_certificate,
    checked_radius,
    earlier_results,
    named_classifiers,
    names_of_classes,
    radii_of_norms,
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
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.corruptions import checked_severities, selected
from dat_keras.evaluation.eot import settings_with
from dat_keras.evaluation.progress import Progress, prefixed
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import Data, first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.evaluation.transfer import transfer_matrix
from dat_keras.utils.files import write_whole


def write_report(
    models: keras.Model | Mapping[str, keras.Model],
    data: Data,
    output: Path | str,
    *,
    runs: Mapping[str, Path | str] | None = None,
    norm: str | Sequence[str] = "linf",
    eps: float | Mapping[str, float] | None = None,
    n_examples: int | None = None,
    n_bisected: int = 64,
    apgd: bool = True,
    autoattack: bool = False,
    distances: str | Sequence[str] = (),
    corruptions: str | Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    certify: Certifier | str | None = None,
    transfer: bool = False,
    eot: int = 1,
    evaluations: Sequence[Path | str] = (),
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> RobustnessReport:
    """Writes a page on the robustness of classifiers under PGD-20.

    It shows accuracy against the radius with warnings of masked gradients,
    what AutoAttack leaves after each part, the worst case of several norms,
    certified accuracy, minimal distances, accuracy on corrupted images,
    transfer between models, accuracy and confusion of classes, the images
    that the smallest and the largest radii break, and of run folders the
    training: curves, cost and recipe.

    Args:
        models: A classifier, or several by name. Of an `AdversarialModel` the
            classifier is measured.
        data: What `evaluate` takes.
        output: The HTML file; one that is there is replaced.
        runs: Run folders by the name of their model. Default: none.
        norm: Key of `THREAT_MODELS`. Of several, as a sequence or separated
            by commas, the first is that of the curve, and PGD-20, APGD-CE if
            `apgd` and AutoAttack if `autoattack` are run in each.
        eps: Radius of confusion and examples, in pixel units of `[0, 1]`;
            the curve ends at twice that. Default: 8/255, `"l2"`: 0.5,
            `"l1"`: 12. Of several norms, radii by name.
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
        certify: `"ibp"`, `"crown-ibp"` or a method with settings, as for
            `evaluate`, in a norm of the report. Default: none.
        transfer: Whether each of several models is measured on the
            adversarial images of each, by PGD-20 at the radius.
        eot: Passes over which logits and gradients are averaged, for
            classifiers that draw random numbers. Default: one.
        evaluations: JSON files of `dat-keras evaluate --json`, whose results
            are shown with the model of the same weights.
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
    radii = radii_of_norms(norm, eps)
    check_count("n_bisected", n_bisected)
    check_count("batch_size", batch_size)
    check_passes(eot, len(corruptions) > 0, transfer)
    named = named_classifiers(models)
    check_transfer(transfer, named)
    certifier = checked_certificate(certify, named, radii)
    records = run_records(named, runs or {})
    check_plots()
    check_file(Path(output))
    others = earlier_results(named, evaluations)
    samples = first_samples(data, n_examples)
    radii = {n: checked_radius(n, each, samples) for n, each in radii.items()}
    norm, radius = next(iter(radii.items()))
    nearest = check_distances(distances, THREAT_MODELS[norm](radius))
    names = selected(corruptions) if len(corruptions) else ()
    severities = checked_severities(severities)
    for model in named.values():
        check_fit(model, samples)
    tell = progress or (lambda name, done, total: None)
    further = SectionMeasures(
        radii,
        apgd,
        autoattack,
        certifier,
        names,
        severities,
        {
            "n_examples": len(samples),
            "batch_size": batch_size,
            "seed": seed,
        },
        eot,
    )
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
            draws=eot,
            eot=eot,
        )
        numbers, shown = measure_robustness(
            name,
            model,
            context,
            norm,
            radius,
            n_bisected,
            apgd=apgd,
            # In several norms it runs with the other attacks there.
            autoattack=autoattack and not further.several,
            distances=nearest,
        )
        here = Evaluations(
            numbers.autoattack, numbers.distances, cautions=numbers.cautions
        )
        here += further(model, data, show)
        here += others.get(numbers.sha256, Evaluations())
        numbers = replace(numbers, **vars(here))
        found[name] = numbers, shown
    matrix = None
    if transfer:
        matrix = transfer_matrix(
            named, data, norm=norm, eps=radius, progress=tell, **further.shared
        )
        # Each model's own cautions stand with it.
        matrix = replace(matrix, sanity=())
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
        settings_with(repr(pgd_in(THREAT_MODELS[norm](radius))), eot),
        seed,
        min(batch_size, len(samples)),
        tuple(versions().items()),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        eot,
        matrix,
    )
    from dat_keras.analysis.robustness.page import page

    examples = {name: shown for name, (_, shown) in found.items()}
    html = page(report, examples).encode()
    write_whole(Path(output), lambda file: file.write(html))
    return report
