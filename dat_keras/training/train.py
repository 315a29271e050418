"""Training a recipe into a run folder, from the start or from where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf
from keras.callbacks import Callback

from dat_keras import data
from dat_keras.data import Batches
from dat_keras.recipes import Recipe
from dat_keras.recipes.additions import all_or_no_augmentation
from dat_keras.training import checkpoint
from dat_keras.training.batch_norm_statistics import MeasureStatistics
from dat_keras.training.callbacks import (
    KeepFreedMemory,
    RestoreMetrics,
)
from dat_keras.training.catastrophic_overfitting import watching
from dat_keras.training.model import AdversarialModel
from dat_keras.training.projected_time import ProjectedTime
from dat_keras.training.resume import check_same
from dat_keras.training.run_callbacks import (
    BestClassifier,
    HistoryCSV,
    RunCheckpoint,
)
from dat_keras.training.run_info import RunInfo, load_teacher
from dat_keras.training.validation_images import bounded, say_caveat
from dat_keras.utils.errors import TrainingDivergedError
from dat_keras.utils.run_folder import RunFolder


def silent(sentence: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out; nothing here changes its numbers.

    Args:
        resume: Continue the run that the folder holds; where there is none
            yet, begin it.
        overwrite: Remove the run that the folder holds.
        verbose: Keras' `verbose` of `fit`.
        say: Receives sentences for the user.
        callbacks: Further Keras callbacks.
        checkpoint_seconds: Least time between checkpoints in an epoch.
        closing_images: What the caller evaluates after training, as the
            number of validation images that take as long. The projected
            time counts it; at 0 it says that it does not.
        load_teacher: Returns the classifier that a recipe of distillation
            names. Default: run folders and `.keras` files.
    """

    resume: bool = False
    overwrite: bool = False
    verbose: int = 0
    say: Callable[[str], None] = silent
    callbacks: Sequence[Callback] = ()
    checkpoint_seconds: float = 120.0
    closing_images: float = 0.0
    load_teacher: Callable[[str], keras.Model] = load_teacher

    def __post_init__(self) -> None:
        """Refuses to continue a run and to remove it."""
        if self.resume and self.overwrite:
            raise ValueError(
                "`resume` continues a run, `overwrite` removes it: give "
                "either. Received: resume=True, overwrite=True"
            )


def train(
    recipe: Recipe,
    output: Path,
    *,
    data_dir: Path | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008
) -> AdversarialModel:
    """Trains a recipe and leaves a run folder (see `run_folder.py`).

    A run that is killed and resumed ends with the bits of an uninterrupted
    one, on the same machine and versions.

    Args:
        recipe: What to train.
        output: The run's folder.
        data_dir: Folder of prepared data sets.
        options: How to carry it out.

    Returns:
        The trained model.

    Raises:
        ValueError: If recipe and data do not fit.
        RunFolderError: If the folder cannot be used so, or another process
            trains in it.
        DamagedFileError: If a checkpoint to resume from is damaged.
        TrainingDivergedError: If the loss stops being finite.
    """
    run = RunFolder(output)
    resumes = options.resume and run.exists()
    with ExitStack() as held:
        if resumes:
            held.enter_context(run.claimed(resume=True))
            info = RunInfo.read(run.recipe)
            check_same(info.recipe, recipe)
        batches, validation = data.load(
            recipe.dataset,
            ("train", "validation"),
            data_dir=data_dir,
            batch_size=recipe.batch_size,
            limit=recipe.limit,
            seed=recipe.seed,
        )
        validation = bounded(
            validation, recipe.limit, recipe.validation_images, options.say
        )
        split = batches.split
        model = build(
            recipe,
            split.image_shape,
            split.num_classes,
            len(batches),
            options.load_teacher,
        )
        if resumes:
            _restore(model, run)
            replace(info, recipe=recipe).write(run.recipe)
        else:
            held.enter_context(run.claimed(overwrite=options.overwrite))
            where = None if data_dir is None else str(data_dir)
            info = RunInfo(recipe, split.image_shape, split.class_names, where)
            info.write(run.recipe)
        say_caveat(recipe.eval_attack, options.say)
        caution = all_or_no_augmentation(recipe)
        if caution is not None:
            options.say(caution)
        try:
            _fit(model, recipe, batches, validation, run, options)
        except Exception as error:
            if int(model.step.numpy()) == 0:
                run.discard()
            if isinstance(error, DIVERGED):
                raise _explained(error, model, run) from error
            raise
    return model


DIVERGED = tf.errors.InvalidArgumentError, TrainingDivergedError


def _restore(model: AdversarialModel, run: RunFolder) -> None:
    """Restores the last state; the untrained model is that of step 0."""
    if checkpoint.steps(run.checkpoints) or run.history.exists():
        checkpoint.restore(model, run.checkpoints)


def build(
    recipe: Recipe,
    image_shape: tuple[int, int, int],
    num_classes: int,
    steps_per_epoch: int,
    load_teacher: Callable[[str], keras.Model] = load_teacher,
) -> AdversarialModel:
    """Returns the compiled, untrained model of a recipe.

    Args:
        recipe: What to train.
        image_shape: `(H, W, C)`.
        num_classes: Number of classes.
        steps_per_epoch: Batches an epoch.
        load_teacher: Returns the classifier that a method names.

    Raises:
        ValueError: If the method needs a teacher, and has none that fits.
    """
    objective = recipe.objective.prepared(recipe.batch_size, load_teacher)
    keras.utils.set_random_seed(recipe.seed)
    with _dtype_policy(recipe.precision):
        classifier = recipe.classifier(image_shape, num_classes)
    model = AdversarialModel(
        classifier,
        objective,
        augment=recipe.augment,
        eval_attack=recipe.eval_attack,
        weight_perturbation=recipe.weight_perturbation,
        attack_dtype=recipe.attack_dtype,
        seed=recipe.seed,
    )
    model.compile(
        optimizer=recipe.optimizer.build(recipe.epochs, steps_per_epoch),
        averaging=recipe.averaging,
        clip_norm=recipe.clip_norm,
    )
    model.total_steps.assign(recipe.epochs * steps_per_epoch)
    return model


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Builds layers under a policy; what is built later is not affected."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _fit(
    model: AdversarialModel,
    recipe: Recipe,
    batches: Batches,
    validation: Batches,
    run: RunFolder,
    options: RunOptions,
) -> None:
    """Runs the rest of an interrupted epoch, then the other epochs."""
    history = HistoryCSV(run.history)
    measures = recipe.averaging is not None and recipe.averaging.measured
    callbacks = [
        KeepFreedMemory(),
        ProjectedTime(
            options.say, recipe.epochs, validation, options.closing_images
        ),
        *options.callbacks,
        *watching(recipe.objective, batches.split, run, options.say),
        *([MeasureStatistics(batches)] if measures else []),
        history,
        BestClassifier(run.weights("best"), history),
        RunCheckpoint(
            run.checkpoints, run.weights("last"), options.checkpoint_seconds
        ),
    ]

    def fit(step: int, epoch: int, until: int, *first: Callback) -> None:
        model.fit(
            batches.starting_at(step),
            validation_data=validation,
            initial_epoch=epoch,
            epochs=until,
            callbacks=[*first, *callbacks],
            verbose=options.verbose,
            total_steps=recipe.epochs * len(batches),
        )

    epoch, done = divmod(int(model.step.numpy()), len(batches))
    if done:
        step = int(model.step.numpy())
        fit(step, epoch, epoch + 1, RestoreMetrics())
        epoch += 1
    if epoch < recipe.epochs:
        fit(epoch * len(batches), epoch, recipe.epochs)
    elif not done:
        options.say(f"the run is finished: {recipe.epochs} epochs are done")


def _explained(
    error: Exception, model: AdversarialModel, run: RunFolder
) -> Exception:
    if "not finite" not in str(error):
        return error
    kept = checkpoint.steps(run.checkpoints)
    good = f"last good state: {kept[-1]}" if kept else "no state was saved yet"
    return TrainingDivergedError(
        f"the loss is not finite at step {int(model.step.numpy())}; {good}. "
        "A lower learning rate usually helps (--lr, with --overwrite)"
    )
