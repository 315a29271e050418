"""The measurements of `dat-keras report`, with TensorFlow loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dat_keras.analysis.robustness.robustness_report import RobustnessReport
from dat_keras.analysis.robustness.write_report import write_report
from dat_keras.cli._analyzing import freeing, load_together
from dat_keras.cli._console import progress
from dat_keras.corruptions import SEVERITIES
from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.zoo.commands.sources import is_run
from dat_keras.zoo.hub.client import Hub

EXAMPLES = 500
"""Images that are attacked where the user names no number."""


def run_report(
    sources: Sequence[str],
    output: Path,
    hub: Hub,
    *,
    dataset: str | None,
    data_dir: Path | None,
    weights: str,
    n_examples: int | None,
    n_bisected: int,
    apgd: bool,
    autoattack: bool,
    distances: str | None,
    corruptions: str | None,
    severities: Sequence[int] | None,
    certify: str | None,
    sigma: float | None,
    draws: int | None,
    transfer: bool,
    eot: int,
    evaluations: Sequence[Path],
    norm: str,
    eps: float | Mapping[str, float] | None,
    batch_size: int,
    seed: int,
) -> RobustnessReport:
    """Loads models and images, measures them and writes the page.

    Args:
        sources: Models, as the command takes them.
        output: The page.
        hub: Client of the Hub.
        dataset: Name of the data set, if not the models' own.
        data_dir: Folder of prepared data sets.
        weights: `"best"` or `"last"`, of a run.
        n_examples: Number of images, if not `EXAMPLES` or all.
        n_bisected: See `write_report`.
        apgd: See `write_report`.
        autoattack: See `write_report`.
        distances: See `write_report`.
        corruptions: See `write_report`.
        severities: See `write_report`.
        certify: Key of `CERTIFIERS`, if images are to be certified.
        sigma: Setting of smoothing.
        draws: The same.
        transfer: See `write_report`.
        eot: See `write_report`.
        evaluations: See `write_report`.
        norm: See `write_report`.
        eps: See `write_report`.
        batch_size: See `write_report`.
        seed: See `write_report`.
    """
    certifier = (
        certifier_of(certify, sigma=sigma, draws=draws) if certify else None
    )
    models, split = load_together(sources, weights, hub, dataset, data_dir)
    with progress() as show_progress:
        return write_report(
            models,
            split,
            output,
            runs={s: s for s in sources if is_run(Path(s))},
            norm=norm,
            eps=eps,
            n_examples=n_examples or min(EXAMPLES, len(split)),
            n_bisected=n_bisected,
            apgd=apgd,
            autoattack=autoattack,
            distances=distances or (),
            corruptions=corruptions or (),
            severities=severities or SEVERITIES,
            certify=certifier,
            transfer=transfer,
            eot=eot,
            evaluations=evaluations,
            batch_size=batch_size,
            seed=seed,
            progress=freeing(show_progress),
        )
