"""Callbacks of a training run; each holds what it can re-read, and no more."""

from __future__ import annotations

import csv
import importlib.util
import io
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from dat_keras import checkpoint
from dat_keras.allocator import keep_freed_memory
from dat_keras.errors import TrainingDivergedError
from dat_keras.files import write_whole
from dat_keras.weights import save_weights


class TotalSteps(keras.callbacks.Callback):
    """Tells the model how long the run is, for ramps and averaging."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Sets `total_steps` from what `fit` was asked to do."""
        epochs, batches = self.params["epochs"], self.params["steps"]
        self.model.total_steps.assign(epochs * batches)


class History(keras.callbacks.Callback):
    """One CSV row an epoch, rewritten whole; rows of a killed epoch go.

    Args:
        path: The CSV file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def rows(self, before: int | None = None) -> list[dict[str, str]]:
        """Returns the rows written, those of epochs below `before`."""
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [r for r in rows if before is None or int(r["epoch"]) < before]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Notes the time."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes the table with the finished epoch's row."""
        row: dict[str, object] = {
            "epoch": epoch,
            "step": int(self.model.step.numpy()),
            **{name: f"{float(v):.6g}" for name, v in (logs or {}).items()},
            "seconds": f"{time.monotonic() - self._began:.1f}",
        }
        rows: list[Mapping] = [*self.rows(before=epoch), row]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), restval="")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, lambda f: f.write(text.getvalue().encode()))


class BestCheckpoint(keras.callbacks.Callback):
    """Keeps the classifier of the best epoch, on the validation images.

    The objective says which metric decides (`selects_by`); ties go to the
    next one, then to the earlier epoch. The best so far is read from the
    history, so a resumed run remembers it.

    Args:
        path: File of the weights.
        history: The run's history.
    """

    def __init__(self, path: Path, history: History) -> None:
        super().__init__()
        self.path = path
        self.history = history

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves the classifier if it is the best of all epochs."""
        names = [f"val_{n}" for n in self.model.objective.selects_by]
        # As written in the history, so that both compare alike.
        score = [float(f"{float((logs or {})[n]):.6g}") for n in names]
        earlier = self.history.rows(before=epoch)
        if all(score > [float(row[n]) for n in names] for row in earlier):
            save_classifier(self.model, self.path)


class StepCheckpoint(keras.callbacks.Callback):
    """Saves the whole state every so many seconds, and after each epoch.

    Put it last: what it saves includes what the others did.

    Args:
        folder: Where checkpoints are kept.
        seconds: Least time between two within an epoch.
        last: File of the classifier's weights, written after each epoch.
    """

    def __init__(
        self, folder: Path, last: Path, seconds: float = 120.0
    ) -> None:
        super().__init__()
        self.folder = folder
        self.last = last
        self.seconds = seconds

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Saves if enough time has passed."""
        if time.monotonic() - self._saved >= self.seconds:
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves the classifier, then the state."""
        save_classifier(self.model, self.last)
        self._save()

    def _save(self) -> None:
        checkpoint.save(self.model, self.folder)
        self._saved = time.monotonic()


class RestoreMetrics(keras.callbacks.Callback):
    """Puts the running means of an interrupted epoch back, once."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Takes the restored values before `fit` resets them."""
        self._values = [
            (v, v.numpy())
            for m in self.model.train_metrics.values()
            for v in m.variables
        ]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Puts them back after the reset."""
        for variable, value in self._values:
            variable.assign(value)
        self._values = []


class KeepFreedMemory(keras.callbacks.Callback):
    """Calls `keep_freed_memory` after each of the first steps.

    Something in the first step sets glibc's threshold back, so calling it
    before training has no effect; from the third step on it lasts.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Calls it during the first steps of an epoch."""
        if batch < 4:
            keep_freed_memory()


class StopOnNaN(keras.callbacks.Callback):
    """Stops with an error when the loss is no number any more.

    Without `jit_compile` the step itself checks, before it writes anything,
    and without waiting for the device as this callback does.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Looks at the running mean of the loss."""
        if not np.isfinite(float((logs or {})["loss"])):
            raise TrainingDivergedError(
                f"the loss is not finite at step {int(self.model.step.numpy())}"
            )


class ProjectedTime(keras.callbacks.Callback):
    """Says after the first steps how long the whole run will take.

    Args:
        say: Receives the sentence.
        clock: Returns seconds.
        after: Steps that are timed; the ones before, which compile, are not.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        after: int = 5,
    ) -> None:
        super().__init__()
        self.say = say
        self.clock = clock
        self.after = after

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts counting."""
        self._seen = 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Times steps 2 to `after + 1`."""
        self._seen += 1
        if self._seen not in (1, 1 + self.after):
            return
        # Reading the counter waits for the steps that are still under way.
        left = int(self.model.total_steps.numpy() - self.model.step.numpy())
        if self._seen == 1:
            self._began = self.clock()
            return
        pace = (self.clock() - self._began) / self.after
        self.say(projection(pace, left))


def projection(seconds_per_step: float, steps: int) -> str:
    """The sentence that tells how long training will take.

    Args:
        seconds_per_step: Measured pace.
        steps: Steps to go.

    Example:
    >>> projection(0.5, 1200)
    'projected time: 10 min (1200 steps of 0.50 s, validation not counted)'
    """
    total = seconds_per_step * steps
    sentence = (
        f"projected time: {duration(total)} ({steps} steps of "
        f"{seconds_per_step:.2f} s, validation not counted)"
    )
    if total > 86400:
        sentence += (
            "; that is over a day here. Shorter: a GPU, --architecture "
            "resnet8, --limit N, or fewer --epochs"
        )
    return sentence


def duration(seconds: float) -> str:
    """A duration for people.

    Example:
    >>> duration(90), duration(5400), duration(200000)
    ('90 s', '90 min', '2.3 days')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def save_classifier(model: keras.Model, path: Path) -> None:
    """Writes the classifier, with averaged weights where there are some."""
    with model.inference_scope():
        save_weights(model.classifier, path)


def tensorboard_logs(folder: Path) -> tuple[keras.callbacks.Callback, ...]:
    """Returns Keras' TensorBoard callback, or says how to get it.

    Raises:
        ValueError: If TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ValueError(
            "TensorBoard is not installed: pip install 'dat-keras[tensorboard]'"
        )
    return (keras.callbacks.TensorBoard(str(folder), write_graph=False),)
