"""The analysis of `dat-keras analyze`, with TensorFlow loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import keras

from dat_keras import data
from dat_keras.analysis.analyze import analyze
from dat_keras.analysis.report import SpectralReport
from dat_keras.analysis.subject import Subject, subject_of_run
from dat_keras.cli._console import progress
from dat_keras.cli._evaluating import data_of
from dat_keras.data import Split
from dat_keras.evaluation.progress import Progress
from dat_keras.utils.runtime import keep_freed_memory
from dat_keras.zoo.commands.load import load_source
from dat_keras.zoo.commands.sources import is_run
from dat_keras.zoo.hub.client import Hub

EXAMPLES = 1000
"""Images that are analysed where the user names no number."""


def run_analysis(
    sources: Sequence[str],
    output: Path,
    overwrite: bool,
    hub: Hub,
    *,
    dataset: str | None,
    data_dir: Path | None,
    weights: str,
    n_examples: int | None,
    attack: str,
    norm: str,
    eps: tuple[float, ...] | None,
    batch_size: int,
    seed: int,
) -> SpectralReport:
    """Loads models and images, analyses them and writes the folder.

    Args:
        sources: Models, as the command takes them.
        output: The folder.
        overwrite: Whether an earlier analysis in it is replaced.
        hub: Client of the Hub.
        dataset: Name of the data set, if not the models' own.
        data_dir: Folder of prepared data sets.
        weights: `"best"`, `"last"` or `"last-good"`, of a run.
        n_examples: Number of images, if not `EXAMPLES` or all.
        attack: See `analyze`.
        norm: See `analyze`.
        eps: See `analyze`.
        batch_size: See `analyze`.
        seed: See `analyze`.
    """
    models, split = load_together(sources, weights, hub, dataset, data_dir)
    subjects = {name: _subject(name, model) for name, model in models.items()}
    with progress() as show_progress:
        return analyze(
            subjects,
            split,
            output,
            attack=attack,
            norm=norm,
            eps=eps,
            n_examples=n_examples or min(EXAMPLES, len(split)),
            batch_size=batch_size,
            seed=seed,
            overwrite=overwrite,
            progress=freeing(show_progress),
        )


def load_together(
    sources: Sequence[str],
    weights: str,
    hub: Hub,
    dataset: str | None,
    data_dir: Path | None,
) -> tuple[dict[str, keras.Model], Split]:
    """Loads models, and the test images that all of them are measured on.

    Args:
        sources: Models, as the command takes them.
        weights: `"best"`, `"last"` or `"last-good"`, of a run.
        hub: Client of the Hub.
        dataset: Name of the data set, if not the models' own.
        data_dir: Folder of prepared data sets.
    """
    models, places = {}, {}
    for source in sources:
        loaded = load_source(source, weights, hub)
        places[source] = data_of(source, loaded, dataset, data_dir)
        models[source] = loaded.model
    names = {name: source for source, (name, _) in places.items()}
    if len(names) > 1:
        sets = ", ".join(f"{name} ({source})" for name, source in names.items())
        raise click.UsageError(
            "Models are compared on the same images: name their data set with "
            f"--dataset. Received models of: {sets}"
        )
    name, place = next(iter(places.values()))
    return models, data.load_split(name, "test", data_dir=place)


def freeing(show_progress: Progress) -> Progress:
    """Returns progress that also has TensorFlow keep freed memory."""

    def tell(task: str, done: int, total: int) -> None:
        # Takes effect only once TensorFlow has run something.
        keep_freed_memory()
        show_progress(task, done, total)

    return tell


def _subject(source: str, model: keras.Model) -> Subject:
    """The classifier, with the generator of a run of DAT."""
    path = Path(source)
    return subject_of_run(model, path) if is_run(path) else Subject.of(model)
