"""Training a recipe into a run folder, from the start or from where it was."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from dat_keras import data
from dat_keras.optimizers.schedules import ConstantConfig
from dat_keras.recipes import Recipe
from dat_keras.recipes.added_augmentation import all_or_no_augmentation
from dat_keras.training import checkpoint
from dat_keras.training.build import build
from dat_keras.training.distribution import strategy_of
from dat_keras.training.extra_of_run import ExtraOfRun
from dat_keras.training.fit_run import RunOptions, fit_run, silent
from dat_keras.training.loggers import opened
from dat_keras.training.model import AdversarialModel
from dat_keras.training.pretrained_source import described_start, write_net
from dat_keras.training.resume import check_same, check_same_images
from dat_keras.training.rollback import (
    FACTOR,
    is_divergence,
    slowed,
    state_before,
)
from dat_keras.training.run_info import RunInfo
from dat_keras.training.validation_images import bounded, say_caveat
from dat_keras.training.workers import Workers, watched
from dat_keras.utils.errors import DamagedFileError, TrainingDivergedError
from dat_keras.utils.run_folder import RunFolder


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
        ValueError: If recipe and data do not fit, or a run is resumed on
            other images.
        RunFolderError: If the folder cannot be used so, or another process
            trains in it.
        DamagedFileError: If all checkpoints to resume from are damaged; of
            one that is, the previous one takes the place.
        TrainingDivergedError: If the loss stops being finite.
        LogError: If a library that is to log the run cannot begin.
        RunInterruptedError: At SIGTERM or Ctrl-C, with the state saved.
        WorkerLostError: If another process of a multi-worker run has ended.
    """
    run = RunFolder(output)
    strategy = strategy_of(options.distribute, options.say)
    workers = Workers(strategy)
    with ExitStack() as held:
        held.enter_context(watched(workers, lambda: _latest(run)))
        resumes = bool(workers.of_chief(options.resume and run.exists()))
        if resumes:
            if workers.is_chief:
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
        split = batches.split
        now = RunInfo.of(recipe, split, validation.split, data_dir)
        if resumes:
            check_same_images(info, now)
        extra = ExtraOfRun(recipe, batches, validation.split, data_dir, run)
        extra.begin(resumes, workers, options)
        validation = bounded(
            validation, recipe.limit, recipe.validation_images, options.say
        )

        def at(state: Path | None, rate_factor: float) -> AdversarialModel:
            slow = slowed(recipe, rate_factor)
            with strategy.scope():
                model = build(
                    slow,
                    split.image_shape,
                    split.num_classes,
                    len(batches),
                    options.load_teacher,
                    options.say if state is None else silent,
                )
            if state is not None:
                checkpoint.load(model, state)
                if isinstance(slow.optimizer.schedule, ConstantConfig):
                    # Not a function but a variable, which was loaded too.
                    rate = slow.optimizer.learning_rate
                    model.optimizer.learning_rate = rate
            return model

        state, factor = None, 1.0
        if resumes:
            state = _to_resume(run, options, workers)
            factor = checkpoint.rate_factor_of(state) if state else 1.0
            if workers.is_chief:
                replace(now, data_dir=info.data_dir).write(run.recipe)
        model = at(state, factor)
        if not resumes and workers.is_chief:
            held.enter_context(run.claimed(overwrite=options.overwrite))
            now.write(run.recipe)
            if recipe.init is not None:
                write_net(model.classifier, run.net)
                options.say(described_start(recipe.init, model.classifier))
        batches = extra.settled(workers)
        loggers = [
            held.enter_context(opened(name, run, recipe))
            for name in options.log
            if workers.is_chief
        ]
        say_caveat(recipe.eval_attack, options.say)
        caution = all_or_no_augmentation(recipe)
        if caution is not None:
            options.say(caution)
        while True:
            try:
                fit_run(
                    model,
                    recipe,
                    batches,
                    validation,
                    run,
                    options,
                    factor,
                    loggers,
                    workers,
                )
                workers.meet()
                return model
            except Exception as error:
                _check_rollback(error, model, run, options, workers)
            step = int(model.step.numpy())
            state = state_before(run.checkpoints, step, len(batches), factor)
            factor *= FACTOR
            options.say(
                f"the loss is not finite at step {step}: back to "
                f"{state.name if state else 'the untrained model'}, with "
                f"{factor:g} of the recipe's learning rate"
            )
            model = at(state, factor)


def _check_rollback(
    error: Exception,
    model: AdversarialModel,
    run: RunFolder,
    options: RunOptions,
    workers: Workers,
) -> None:
    """Raises an error of `fit` after which the run does not go back."""
    step = int(model.step.numpy())
    if step == 0 and workers.is_chief:
        run.discard()
    if not is_divergence(error):
        raise error
    if options.on_nan == "stop" or step == 0:
        raise _explained(step, run) from error


def _latest(run: RunFolder) -> str:
    found = checkpoint.steps(run.checkpoints)
    return found[-1].name if found else "step 0"


def _to_resume(
    run: RunFolder, options: RunOptions, workers: Workers
) -> Path | None:
    """The checkpoint that the chief finds; `None` is the untrained model.

    Raises:
        DamagedFileError: If this process cannot read it.
    """
    found = _newest_whole(run, options) if workers.is_chief else None
    step = workers.of_chief(checkpoint.step_of(found) if found else 0)
    if not step:
        return None
    found = checkpoint.path_of(run.checkpoints, step)
    if not workers.is_chief and checkpoint.damage(found):
        raise DamagedFileError(
            f"this worker cannot read {found}, which the first one goes on "
            "from: --output must be one folder that all workers share"
        )
    return found


def _newest_whole(run: RunFolder, options: RunOptions) -> Path | None:
    """The newest whole checkpoint; `None` is the untrained model.

    Newer ones, which are damaged, are removed.
    """
    found = checkpoint.newest(run.checkpoints, options.say)
    if found is not None:
        if found != checkpoint.steps(run.checkpoints)[-1]:
            options.say(f"going on from {found.name}")
        checkpoint.discard_after(run.checkpoints, found)
        return found
    if run.history.exists():
        # A run that is killed at the end of its first epoch leaves one row.
        with run.history.open(newline="") as file:
            epochs = len(list(csv.DictReader(file)))
        if epochs > 1:
            raise DamagedFileError(
                f"no checkpoint in {run.checkpoints}, though {epochs} epochs "
                "are done: begin again with --overwrite"
            )
    options.say("no checkpoint yet: beginning at step 0")
    return None


def _explained(step: int, run: RunFolder) -> TrainingDivergedError:
    kept = checkpoint.steps(run.checkpoints)
    good = f"last good state: {kept[-1]}" if kept else "no state was saved yet"
    return TrainingDivergedError(
        f"the loss is not finite at step {step}; {good}. A lower learning "
        "rate usually helps (--lr, with --overwrite), or --on-nan rollback "
        "with --resume"
    )
