"""What `dat-keras train` does once TensorFlow is up."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import cast

import click
import numpy as np
from keras.callbacks import Callback

from dat_keras import data
from dat_keras.attacks import Attack
from dat_keras.cli._console import progress, show
from dat_keras.cli._showing import settings_tree
from dat_keras.cli._training_bar import training_bar
from dat_keras.cli._types import TrainFlags
from dat_keras.core.threat_models import norm_of
from dat_keras.data import Split
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.samples import first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.recipes import SETTABLE, Recipe, resolve
from dat_keras.training.adversarial_images import AdversarialImages
from dat_keras.training.distribution import awaited
from dat_keras.training.fit_run import RunOptions, silent
from dat_keras.training.pretrained_source import recorded
from dat_keras.training.profile_callback import ProfileSteps
from dat_keras.training.resume import check_same
from dat_keras.training.run_info import RunInfo, load_classifier
from dat_keras.training.train import train
from dat_keras.training.validation_images import FEW
from dat_keras.training.workers import Workers
from dat_keras.utils.run_folder import RunFolder
from dat_keras.utils.settings import settings_of
from dat_keras.zoo.commands.load import load_model

SHOWN = 8
"""Test images that TensorBoard shows."""

FINAL_EXAMPLES = 1000
"""Test images of the closing table; `dat-keras evaluate` takes any number."""


def run_training(
    choice: Mapping[str, object],
    data_dir: Path | None,
    output: Path | None,
    flags: TrainFlags,
) -> None:
    """Trains, then prints natural and PGD-20 accuracy of the best weights."""
    # First of all, for the others wait, and would learn of no error.
    workers = Workers(awaited(flags.distribute, _say))
    recipe, output, data_dir = resolved(choice, data_dir, output, flags.resume)
    if workers.is_chief:
        RunFolder(output).check_free(flags.resume, flags.overwrite)
    closing = closing_split(recipe, data_dir)
    test = data.load_split(recipe.dataset, closing, data_dir=data_dir)
    count = min(final_examples(recipe), len(test))
    click.echo(f"training {recipe.name} into {output}", err=True)
    watching: list[Callback] = [CheckFit(test)]
    if workers.is_chief:
        watching += _watching(output, flags, test)
    terminal = sys.stderr.isatty() and workers.is_chief
    # Keras prints its progress to stdout, which is for results here.
    with redirect_stdout(sys.stderr), training_bar(terminal) as bar:
        options = RunOptions(
            resume=flags.resume,
            overwrite=flags.overwrite,
            verbose=2 if workers.is_chief and not bar else 0,
            say=(bar.say if bar else _say) if workers.is_chief else silent,
            callbacks=[*watching, bar] if bar else watching,
            closing_images=count * relative_cost(recipe.eval_attack),
            load_teacher=load_model,
            on_nan=flags.on_nan,
            log=flags.log,
            distribute=flags.distribute,
        )
        train(recipe, output, data_dir=data_dir, options=options)
    if not workers.is_chief:
        return
    threat_model = recipe.eval_attack.threat_model
    with progress() as tell:
        report = evaluate(
            load_classifier(output).model,
            test,
            ("natural", "pgd20"),
            norm=norm_of(threat_model),
            eps=threat_model.eps,
            n_examples=count,
            seed=recipe.seed,
            progress=tell if terminal else None,
        )
    show(report)


def show_recipe(
    choice: Mapping[str, object],
    data_dir: Path | None,
    output: Path | None,
    flags: TrainFlags,
) -> None:
    """Prints what `run_training` would train, with the keys of `--set`."""
    recipe, output, _ = resolved(choice, data_dir, output, flags.resume)
    click.echo(
        f"{recipe.name} into {output}; nothing is trained.\n"
        "Each KEY = VALUE can be changed by --set KEY=VALUE."
    )
    for line in settings_tree(settings_of(recipe, SETTABLE)):
        click.echo(line)


def resolved(
    choice: Mapping[str, object],
    data_dir: Path | None,
    output: Path | None,
    resume: bool,
) -> tuple[Recipe, Path, Path | None]:
    """Returns recipe, run folder and data folder that the options mean.

    Args:
        choice: What `recipes.resolve` takes, and `eps`.
        data_dir: Folder of prepared data sets.
        output: Value of `--output`.
        resume: Whether a run in the folder is continued.
    """
    choice = with_source(choice)
    output = output or default_output(resolve(choice))
    run = RunFolder(output)
    if not (resume and run.exists()):
        return resolve(choice), output, data_dir
    # Settings of a run are those of its own method.
    info = RunInfo.read(run.recipe)
    recipe = resolve(choice, info.recipe)
    check_same(info.recipe, recipe)
    data_dir = data_dir or (Path(info.data_dir) if info.data_dir else None)
    return recipe, output, data_dir


def with_source(choice: Mapping[str, object]) -> dict[str, object]:
    """Returns the options with the net of `--init` as a recipe records it.

    Args:
        choice: The options; those of `--init` become one value.
    """
    names = ("init", "preprocessing", "trainable")
    rest = {k: v for k, v in choice.items() if k not in names}
    source, adapter, trainable = (
        cast("str | None", choice.get(name)) for name in names
    )
    if source is None:
        return rest
    init = recorded(source, load_model, adapter=adapter, trainable=trainable)
    return {**rest, "init": init}


class CheckFit(Callback):
    """Refuses test images that do not fit the classifier, before step 1.

    Args:
        test: The images of the closing table.
    """

    def __init__(self, test: Split) -> None:
        super().__init__()
        self.test = test

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Compares image size and classes."""
        check_fit(self.model.classifier, first_samples(self.test, None))


def closing_split(recipe: Recipe, data_dir: Path | None) -> str:
    """Returns the split of the closing table; says so if it is validation.

    Raises:
        ValueError: If the data set has no training images, or the classes of
            its parts disagree.
    """
    if "test" in data.splits_of(recipe.dataset, data_dir):
        return "test"
    _say("no test split: the closing table is of the validation images")
    return "validation"


def final_examples(recipe: Recipe) -> int:
    """Returns the number of images of the closing table: few after few."""
    if recipe.limit is None:
        return FINAL_EXAMPLES
    return min(FINAL_EXAMPLES, max(recipe.limit, FEW))


def relative_cost(attack: Attack) -> float:
    """Returns the cost of PGD-20 in units of a validation attack's.

    Example:
    >>> from dat_keras.attacks import pgd
    >>> from dat_keras.core.threat_models import Linf
    >>> relative_cost(pgd(Linf(8 / 255), steps=10))
    2.0
    """
    # Monitor takes its steps once, and once more for each target.
    runs = 1 + getattr(attack, "targets", 0)
    return 20 / (runs * getattr(attack, "steps", 20))


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _watching(output: Path, flags: TrainFlags, test: Split) -> list[Callback]:
    found: list[Callback] = []
    if "tensorboard" in flags.log:
        few = test.take(SHOWN)
        images = few.images[:] / np.float32(255)
        folder = RunFolder(output).logged_images
        found.append(AdversarialImages(folder, images, few.labels))
    if flags.profile:
        found.append(ProfileSteps(output / "profile", _say))
    return found


def default_output(recipe: Recipe) -> Path:
    """Returns `runs/<dataset>-<method>`."""
    method = recipe.name.split(f"-{recipe.dataset}-")[0]
    return Path("runs") / f"{Path(recipe.dataset).name}-{method}"
