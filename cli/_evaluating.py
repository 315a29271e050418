"""What `dat-keras evaluate` does once TensorFlow is up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dat_keras import data
from dat_keras.attacks import ATTACKS
from dat_keras.cli._console import progress
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.resume_state import IDENTITY
from dat_keras.evaluation.suites import EVALUATIONS
from dat_keras.utils.runtime import keep_freed_memory
from dat_keras.zoo.commands.resolve import Resolved, resolve
from dat_keras.zoo.hub.client import Hub

STAGED = EVALUATIONS.keys() - ATTACKS.keys() - {"natural"}
"""Evaluations long enough to be interrupted: AutoAttack and its parts."""


def report_on(
    source: str,
    dataset: str | None,
    data_dir: Path | None,
    weights: str,
    hub: Hub,
    resume: bool,
    **options: Any,
) -> Report:
    """Evaluates one source on the test images of its data set.

    Args:
        source: As the command takes it.
        dataset: Name of the data set, if not the source's own.
        data_dir: Folder of prepared data sets.
        weights: `"best"` or `"last"`, of a run.
        hub: The client of the Hub.
        resume: Whether to go on where an evaluation was interrupted.
        **options: Those of `dat_keras.evaluate`.
    """
    names = {name.strip() for name in options["attacks"].split(",")}
    state = state_of(source) if names & STAGED else None
    if state and not resume and (state / IDENTITY).exists():
        raise click.UsageError(
            f"An interrupted evaluation lies in {state}: go on with --resume, "
            "or delete the folder."
        )
    loaded = resolve(source, weights, hub)
    dataset, data_dir = _data(loaded, dataset, data_dir)
    test = data.load_split(dataset, "test", data_dir=data_dir)
    with progress() as show_progress:

        def tell(name: str, done: int, total: int) -> None:
            # Takes effect only once TensorFlow has run something.
            keep_freed_memory()
            show_progress(name, done, total)

        return evaluate(
            loaded.model, test, progress=tell, resume=state, **options
        )


def state_of(source: str) -> Path:
    """Returns the folder of an evaluation's state: in a run, or by its name.

    Example:
    >>> str(state_of("someone/their-net"))
    'someone-their-net.evaluation'
    """
    path = Path(source)
    if path.is_dir():
        return path / "evaluation"
    if path.exists():
        return path.with_name(path.name + ".evaluation")
    # A name in the zoo or on the Hub.
    return Path(source.replace("/", "-") + ".evaluation")


def forget(source: str) -> None:
    """Removes the state of an evaluation that came to its end."""
    state = state_of(source)
    if (state / IDENTITY).exists():
        for file in (*state.glob("*.npz"), state / IDENTITY):
            file.unlink()
        if not any(state.iterdir()):
            state.rmdir()


def _data(
    loaded: Resolved, dataset: str | None, data_dir: Path | None
) -> tuple[str, Path | str | None]:
    """The data set to use: the one named, else that of the model."""
    if dataset:
        return dataset, data_dir
    if loaded.dataset is None:
        raise click.UsageError(
            "A model file does not say its data set: name it with --dataset."
        )
    return loaded.dataset, data_dir or loaded.data_dir
