"""What `dat-keras train` does once TensorFlow is up."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

import click
from keras.callbacks import Callback

from dat_keras import data
from dat_keras.cli._console import show
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.recipes import Recipe, resolve
from dat_keras.training.callbacks import tensorboard_logs
from dat_keras.training.profile_callback import ProfileSteps
from dat_keras.training.run_info import RunInfo, load_classifier
from dat_keras.training.train import RunOptions, train
from dat_keras.utils.run_folder import RunFolder

FINAL_EXAMPLES = 1000
"""Test images of the closing table; `dat-keras evaluate` takes any number."""


def run_training(
    choice: Mapping[str, object],
    data_dir: Path | None,
    output: Path | None,
    flags: tuple[bool, bool],
    watchers: tuple[bool, bool],
) -> None:
    """Trains, then prints natural and PGD-20 accuracy of the best weights."""
    resume, overwrite = flags
    recipe = resolve(choice)
    output = output or default_output(recipe)
    if resume:
        recipe, data_dir = resumed(output, data_dir)
    click.echo(f"training {recipe.name} into {output}", err=True)
    options = RunOptions(
        resume=resume,
        overwrite=overwrite,
        verbose=1 if sys.stderr.isatty() else 2,
        say=_say,
        callbacks=_watching(output, *watchers),
    )
    # Keras prints its progress to stdout, which is for results here.
    with redirect_stdout(sys.stderr):
        train(recipe, output, data_dir=data_dir, options=options)
    test = data.load_split(recipe.dataset, "test", data_dir=data_dir)
    report = evaluate(
        load_classifier(output).model,
        test,
        ("natural", "pgd20"),
        n_examples=min(FINAL_EXAMPLES, len(test)),
        seed=recipe.seed,
    )
    show({str(output): report})


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _watching(output: Path, tensorboard: bool, profile: bool) -> list[Callback]:
    logs = tensorboard_logs(output / "logs") if tensorboard else ()
    steps = (ProfileSteps(output / "profile", _say),) if profile else ()
    return [*logs, *steps]


def default_output(recipe: Recipe) -> Path:
    """Returns `runs/<dataset>-<method>`."""
    method = recipe.name.split(f"-{recipe.dataset}-")[0]
    return Path("runs") / f"{Path(recipe.dataset).name}-{method}"


def resumed(output: Path, data_dir: Path | None) -> tuple[Recipe, Path | None]:
    """Returns what the interrupted run was made of."""
    RunFolder(output).check_resumable()
    info = RunInfo.read(RunFolder(output).recipe)
    known = None if info.data_dir is None else Path(info.data_dir)
    return info.recipe, data_dir or known
