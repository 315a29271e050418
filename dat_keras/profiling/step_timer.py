"""A callback that measures the time of a step and the peak memory of a run."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras

from dat_keras.utils.files import write_json


class StepCosts(keras.callbacks.Callback):
    """Measures steps and memory, and keeps what it measured in a file.

    A step lasts from the end of one to the end of the next, so waiting for
    data counts and nothing waits for the device. The first steps of each
    epoch are left out: compilation, and validation before them. The median
    ignores the steps in which a checkpoint was saved.

    Args:
        path: A JSON file with `seconds_per_step`, `steps_timed` and
            `peak_memory` in bytes, written after each epoch. A resumed run
            replaces it by measurements of its own.
        skip: Steps left out at the beginning of each epoch.
        clock: Returns seconds.
    """

    def __init__(
        self,
        path: Path,
        skip: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.path = path
        self.skip = skip
        self.clock = clock
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts counting the steps of the epoch."""
        self._seen, self._last = 0, self.clock()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Takes the time since the step before."""
        now = self.clock()
        if self._seen >= self.skip:
            self.seconds.append(now - self._last)
        self._last = now
        self._seen += 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes the file; an epoch without a timed step leaves the old."""
        timed = self.seconds
        if self.path.exists() and not timed:
            return
        costs = {
            "seconds_per_step": statistics.median(timed) if timed else None,
            "steps_timed": len(timed),
            "peak_memory": peak_memory(),
        }
        write_json(self.path, costs)


def peak_memory(status: Path = Path("/proc/self/status")) -> int:
    """Largest resident memory of this process so far, in bytes.

    Linux hands `ru_maxrss` down to a process from the one that started it;
    its own mark is in `/proc`. Memory of a GPU is not in either.

    Args:
        status: The file that holds the mark, where there is one.

    Example:
    >>> peak_memory() > 2**20
    True
    """
    if status.exists():
        for line in status.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
