"""Callbacks that watch a training run: its metrics, its pace, its memory."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import keras

from dat_keras.utils.durations import duration
from dat_keras.utils.runtime import keep_freed_memory


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
        self._validation: float | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Notes the number of the epoch."""
        self._epoch = epoch

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Notes the time."""
        self._test_began = self.clock()

    def on_test_end(self, logs: dict | None = None) -> None:
        """Says how long the validations take, after the first of them."""
        if self._validation is not None:
            return
        self._validation = self.clock() - self._test_began
        left = self.params["epochs"] - self._epoch
        # The last of them stands for the closing table, which is as long.
        self.say(
            f"validation took {duration(self._validation)}: "
            f"{duration(left * self._validation)} more for {left - 1} further "
            "validations and a closing table of as many images"
        )

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
