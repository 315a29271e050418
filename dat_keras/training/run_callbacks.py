"""Callbacks that write a run folder; each holds what it can re-read."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from dat_keras.core.weights import save_weights
from dat_keras.training import checkpoint
from dat_keras.training.workers import Workers
from dat_keras.utils.files import write_whole


class HistoryCSV(keras.callbacks.Callback):
    """One CSV row an epoch, rewritten whole; rows of a killed epoch go.

    Args:
        path: The CSV file.
        more: Further columns of the rows that are written.
    """

    def __init__(
        self, path: Path, more: Mapping[str, object] | None = None
    ) -> None:
        super().__init__()
        self.path = path
        self.more = dict(more or {})

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
            **self.more,
            "seconds": f"{time.monotonic() - self._began:.1f}",
        }
        rows: list[Mapping] = [*self.rows(before=epoch), row]
        text = io.StringIO()
        columns = dict.fromkeys(name for each in (row, *rows) for name in each)
        writer = csv.DictWriter(text, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, lambda f: f.write(text.getvalue().encode()))


class LogLearningRate(keras.callbacks.Callback):
    """Adds to the logs of an epoch the learning rate of its last step.

    Args:
        rate: What a schedule's `build` returned: a number, whose present
            value the optimizer has, or a function of the steps done.
        factor: What the rate is multiplied by.
    """

    def __init__(self, rate: object, factor: float = 1.0) -> None:
        super().__init__()
        self.rate = rate
        self.factor = factor

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Adds `learning_rate`."""
        if callable(self.rate):
            step = int(self.model.step.numpy()) - 1
            rate = self.factor * float(self.rate(step))
        else:
            rate = float(self.model.optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate


class BestClassifier(keras.callbacks.Callback):
    """Keeps the classifier of the best epoch, on the validation images.

    The objective says which metric decides (`selects_by`); ties go to the
    next one, then to the earlier epoch. The best so far is read from the
    history, so a resumed run remembers it.

    Args:
        path: File of the weights.
        history: The run's history.
    """

    def __init__(self, path: Path, history: HistoryCSV) -> None:
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


class RunCheckpoint(keras.callbacks.Callback):
    """Saves the whole state every so many seconds, and after each epoch.

    Put it after those whose work an epoch's state must include. Nothing is
    saved between an epoch's last step and its end: the state would look like
    that of a finished epoch, whose validation a resumed run would miss.

    Args:
        folder: Where checkpoints are kept.
        last: File of the classifier's weights, written after each epoch.
        seconds: Least time between two within an epoch.
        steps_per_epoch: Steps of a whole epoch.
        rate_factor: See `checkpoint.save`.
        workers: The processes of the run. All of them have this callback, the
            chief's clock decides, and the chief writes. Default: one process.
    """

    def __init__(
        self,
        folder: Path,
        last: Path,
        seconds: float,
        steps_per_epoch: int,
        rate_factor: float = 1.0,
        workers: Workers | None = None,
    ) -> None:
        super().__init__()
        self.workers = workers or Workers(tf.distribute.get_strategy())
        self.folder = folder
        self.last = last
        self.seconds = seconds
        self.steps_per_epoch = steps_per_epoch
        self.rate_factor = rate_factor
        self.unsaved = False
        self.steps_done = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self.steps_done = int(self.model.step.numpy())
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Saves if enough time has passed."""
        self.steps_done += 1
        self.unsaved = self.steps_done % self.steps_per_epoch != 0
        due = time.monotonic() - self._saved >= self.seconds
        if self.unsaved and self.workers.of_chief(int(due)):
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves the classifier, then the state."""
        if self.workers.is_chief:
            save_classifier(self.model, self.last)
        self.save()

    def save(self) -> None:
        """Saves the state."""
        checkpoint.save(
            self.model,
            self.folder,
            epoch_began=self.steps_done
            - self.steps_done % self.steps_per_epoch,
            rate_factor=self.rate_factor,
            writes=self.workers.is_chief,
        )
        self.workers.meet()
        self._saved = time.monotonic()
        self.unsaved = False

    def latest(self) -> Path | None:
        """Returns the newest checkpoint, if there is one."""
        return next(reversed(checkpoint.steps(self.folder)), None)


def save_classifier(model: keras.Model, path: Path) -> None:
    """Writes the classifier, with averaged weights where there are some."""
    with model.inference_scope():
        save_weights(model.classifier, path)
