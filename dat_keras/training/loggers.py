"""Logs of a training run: TensorBoard, Weights & Biases, MLflow.

Each is the library's own Keras callback. It gets the numbers of every epoch,
the library gets the recipe as the configuration of the run. What a library
needs to find its run again stands in the run folder, so a resumed training
continues the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import keras
import tensorflow as tf

from dat_keras.recipes import Recipe
from dat_keras.utils.config import encode
from dat_keras.utils.errors import LogError
from dat_keras.utils.files import write_whole
from dat_keras.utils.overrides import fields_of
from dat_keras.utils.packages import check_installed
from dat_keras.utils.registry import lookup
from dat_keras.utils.run_folder import RunFolder
from dat_keras.utils.settings import text_of

if TYPE_CHECKING:
    from mlflow.keras import MlflowCallback

Log: TypeAlias = AbstractContextManager[keras.callbacks.Callback]
Logger: TypeAlias = Callable[[Path, Recipe], Log]
"""Opens a log, given a folder and the recipe, and closes it at the end."""


@contextmanager
def tensorboard(
    folder: Path, recipe: Recipe
) -> Iterator[keras.callbacks.Callback]:
    """Writes event files to `train/` and `validation/` in the folder.

    Args:
        folder: Folder of the run's logs.
        recipe: What is trained; a text of the log.
    """
    with tf.summary.create_file_writer(str(folder / "train")).as_default():
        # Indented, it is a block of code in Markdown.
        tf.summary.text("recipe", str(recipe).replace("\n", "\n    "), 0)
    yield keras.callbacks.TensorBoard(str(folder), write_graph=False)


@contextmanager
def wandb(folder: Path, recipe: Recipe) -> Iterator[keras.callbacks.Callback]:
    """Logs to Weights & Biases, as its own settings say.

    Those are environment variables such as `WANDB_PROJECT`, `WANDB_ENTITY`
    and `WANDB_MODE=offline`. A run that is resumed offline is a second folder
    with the id of the first: `wandb sync --append` puts them together.

    Args:
        folder: Folder of the run's logs; W&B writes to `wandb/` in it.
        recipe: What is trained; the run's config.

    Raises:
        LogError: If W&B cannot begin a run.
    """
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    file = folder / "wandb-run-id"
    known = file.read_text() if file.exists() else None
    folder.mkdir(exist_ok=True)
    try:
        run = wandb.init(dir=folder, id=known, name=recipe.name, resume="allow")
    except wandb.Error as error:
        raise LogError(f"W&B cannot begin a run: {error}") from None
    # As a context manager, W&B would print the traceback of an error.
    failed = 1
    try:
        # A resumed run may have more epochs.
        run.config.update(encode(recipe), allow_val_change=True)
        write_whole(file, lambda f: f.write(run.id.encode()))
        yield WandbMetricsLogger()
        failed = 0
    finally:
        run.finish(exit_code=failed)


@contextmanager
def mlflow(folder: Path, recipe: Recipe) -> Iterator[keras.callbacks.Callback]:
    """Logs to MLflow, as its own settings say.

    Those are environment variables such as `MLFLOW_TRACKING_URI` (a server,
    a data base or a folder) and `MLFLOW_EXPERIMENT_NAME`. Parameters of a run
    cannot change: a resumed run with more epochs shows the first number.

    Args:
        folder: Folder of the run's logs, for the id of the run.
        recipe: What is trained; the run's parameters.

    Raises:
        LogError: If MLflow cannot begin a run, or find the one to resume.
    """
    import mlflow

    file = folder / "mlflow-run-id"
    known = file.read_text() if file.exists() else None
    name = None if known else recipe.name
    try:
        run = mlflow.start_run(run_id=known, run_name=name)
    except mlflow.MlflowException as error:
        where = mlflow.get_tracking_uri()
        raise LogError(
            f"MLflow cannot begin or resume a run in {where}: {error}"
        ) from None
    with run:
        if not known:
            mlflow.log_params({k: text_of(v) for k, v in fields_of(recipe)})
            folder.mkdir(exist_ok=True)
            write_whole(file, lambda f: f.write(run.info.run_id.encode()))
        yield _mlflow_callback()


def _mlflow_callback() -> MlflowCallback:
    from mlflow.keras import MlflowCallback

    class EpochsOnly(MlflowCallback):
        """MLflow's callback without a second, undated copy of validation."""

        def on_test_end(self, logs: dict | None = None) -> None:
            """The logs of the epoch have the same numbers, with its number."""

    return EpochsOnly()


LOGGERS: dict[str, Logger] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "mlflow": mlflow,
}
"""Logs by name, which is also the name of the package and of the extra."""


def check_log(name: str) -> None:
    """Refuses an unknown log, and one whose package is missing.

    Args:
        name: Key of `LOGGERS`.

    Raises:
        ValueError: If it is unknown.
        MissingPackageError: If its package is not installed.

    Example:
    >>> check_log("tensorbord")
    Traceback (most recent call last):
    ...
    ValueError: Unknown log 'tensorbord'. Did you mean 'tensorboard'?
    Available: tensorboard, wandb, mlflow
    """
    lookup(LOGGERS, name, "log")
    check_installed(name, "logs", name)


def opened(name: str, run: RunFolder, recipe: Recipe) -> Log:
    """Returns the log of a run; inside `with` it is a Keras callback.

    Args:
        name: Key of `LOGGERS`.
        run: The run folder, which must exist.
        recipe: What is trained.
    """
    return LOGGERS[name](run.logs, recipe)
