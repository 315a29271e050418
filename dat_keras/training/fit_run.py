"""Keras' `fit` on what is left of a run, with the callbacks of a run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
from keras.callbacks import Callback

from dat_keras.data import Batches
from dat_keras.recipes import Recipe
from dat_keras.training.batch_norm_statistics import MeasureStatistics
from dat_keras.training.callbacks import KeepFreedMemory, RestoreMetrics
from dat_keras.training.catastrophic_overfitting import watching
from dat_keras.training.distribution import DISTRIBUTIONS
from dat_keras.training.end_at_signal import EndAtSignal
from dat_keras.training.loggers import check_log
from dat_keras.training.model import AdversarialModel
from dat_keras.training.projected_time import ProjectedTime
from dat_keras.training.rollback import ON_NAN
from dat_keras.training.run_callbacks import (
    BestClassifier,
    HistoryCSV,
    LogLearningRate,
    RunCheckpoint,
)
from dat_keras.training.run_info import load_teacher
from dat_keras.training.workers import Workers
from dat_keras.utils.registry import lookup
from dat_keras.utils.run_folder import RunFolder


def silent(sentence: str) -> None:
    """Says nothing."""


def below_bar(say: Callable[[str], None]) -> Callable[[str], None]:
    """Returns `say` for sentences that come while Keras shows its bar.

    Keras leaves the cursor behind the bar; the sentence begins a new line.

    Args:
        say: Receives the sentences.

    Example:
    >>> below_bar(print)("projected time: 3 s")
    <BLANKLINE>
    projected time: 3 s
    """
    return lambda sentence: say(f"\n{sentence}")


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out; its numbers change by `on_nan` alone.

    With `distribute` they are rounded differently.

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
            names, and the net of `init` that is no preset. Default: run
            folders and `.keras` files.
        distribute: `"mirrored"` shares each batch between all local devices,
            `"multiworker"` between the processes that `TF_CONFIG` names, each
            of which runs the same call; `"none"` takes one.
        on_nan: When the loss is not finite: `"stop"`, or `"rollback"` to the
            beginning of the epoch and go on with half the learning rate.
        log: Keys of `LOGGERS`: libraries that log the run.
    """

    resume: bool = False
    overwrite: bool = False
    verbose: int = 0
    say: Callable[[str], None] = silent
    callbacks: Sequence[Callback] = ()
    checkpoint_seconds: float = 120.0
    closing_images: float = 0.0
    load_teacher: Callable[[str], keras.Model] = load_teacher
    on_nan: str = "stop"
    log: Sequence[str] = ()
    distribute: str = "none"

    def __post_init__(self) -> None:
        """Refuses to continue a run and to remove it, and unknown names."""
        lookup(dict.fromkeys(ON_NAN), self.on_nan, "on_nan")
        for name in self.log:
            check_log(name)
        lookup(dict.fromkeys(DISTRIBUTIONS), self.distribute, "distribute")
        if self.distribute == "multiworker" and self.on_nan == "rollback":
            # The operation that failed has ended the others' collectives.
            raise ValueError(
                "`on_nan` of a run with several processes is 'stop': start "
                "all again with --resume and a lower rate. Received: "
                "on_nan='rollback', distribute='multiworker'"
            )
        if self.resume and self.overwrite:
            raise ValueError(
                "`resume` continues a run, `overwrite` removes it: give "
                "either. Received: resume=True, overwrite=True"
            )


def fit_run(
    model: AdversarialModel,
    recipe: Recipe,
    batches: Batches,
    validation: Batches,
    run: RunFolder,
    options: RunOptions,
    rate_factor: float = 1.0,
    loggers: Sequence[Callback] = (),
    workers: Workers | None = None,
) -> None:
    """Runs the rest of an interrupted epoch, then the other epochs.

    Args:
        model: The compiled model, in the state to go on from.
        recipe: What is trained.
        batches: The training images.
        validation: The validation images.
        run: Where files go.
        options: How to carry it out.
        rate_factor: What the recipe's learning rate was multiplied by.
        loggers: Callbacks that see all that the history has of an epoch.
        workers: The processes of the run, of which the chief writes. Default:
            one process.

    Raises:
        RunInterruptedError: At SIGTERM or Ctrl-C.
    """
    workers = workers or Workers(model.distribute_strategy)
    shown = options.on_nan == "rollback" or rate_factor != 1.0
    history = HistoryCSV(
        run.history, {"rate_factor": rate_factor} if shown else {}
    )
    saving = RunCheckpoint(
        run.checkpoints,
        run.weights("last"),
        options.checkpoint_seconds,
        batches.steps_per_epoch,
        rate_factor,
        workers,
    )
    ending = EndAtSignal(saving)
    say = options.say if options.verbose != 1 else below_bar(options.say)
    best = BestClassifier(run.weights("best"), history)
    measures = recipe.averaging is not None and recipe.averaging.measured
    callbacks = [
        KeepFreedMemory(),
        ProjectedTime(say, recipe.epochs, validation, options.closing_images),
        *options.callbacks,
        *watching(recipe.objective, batches.split, run, say, workers.is_chief),
        *([MeasureStatistics(batches)] if measures else []),
        LogLearningRate(
            recipe.optimizer.schedule.build(
                recipe.optimizer.learning_rate, recipe.epochs, len(batches)
            ),
            rate_factor,
        ),
        *([*loggers, history, best] if workers.is_chief else []),
        saving,
        ending,
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

    step = int(model.step.numpy())
    epoch, done = divmod(step, len(batches))
    with ending.installed():
        if done:
            fit(step, epoch, epoch + 1, RestoreMetrics())
            epoch += 1
        if epoch < recipe.epochs:
            fit(epoch * len(batches), epoch, recipe.epochs)
        elif not done:
            model.hold_average()
            options.say(f"the run is finished: {recipe.epochs} epochs are done")
