"""Which operations a step spends its time in, from TensorFlow's profiler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from dat_keras.utils.text_table import plain


@dataclass(frozen=True)
class OperationTime:
    """One kind of operation in a profile.

    Args:
        name: Its type (`Conv2D`), or the name of a GPU kernel.
        calls: How often it ran.
        seconds: Time of all calls, which may overlap.
    """

    name: str
    calls: int
    seconds: float


class ProfileSteps(keras.callbacks.Callback):
    """Profiles a few steps of a run and says where their time went.

    The trace stays in the folder; TensorBoard's profile plugin draws it.

    Args:
        folder: Where the trace goes.
        say: Receives the table.
        first: Steps before the profile, for tracing and warming up.
        steps: Steps profiled.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        first: int = 5,
        steps: int = 5,
    ) -> None:
        super().__init__()
        self.folder, self.say = folder, say
        self.first, self.steps = first, steps
        self.seen = 0

    def on_train_batch_begin(
        self, batch: int, logs: dict | None = None
    ) -> None:
        """Starts the profiler."""
        if self.seen == self.first:
            tf.profiler.experimental.start(str(self.folder))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops the profiler, and tells."""
        self.seen += 1
        if self.seen == self.first + self.steps:
            self._stop()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Stops the profiler of a run that ended first."""
        if self.first < self.seen < self.first + self.steps:
            self._stop()

    def _stop(self) -> None:
        tf.profiler.experimental.stop()
        steps = self.seen - self.first
        self.say(table(operation_times(self.folder), steps))


def operation_times(folder: Path) -> list[OperationTime]:
    """Reads a profile; the operations that took longest come first.

    Args:
        folder: What the profiler was given.

    Raises:
        FileNotFoundError: If the folder holds no profile.
    """
    traces = sorted(folder.glob("**/*.xplane.pb"))
    if not traces:
        raise FileNotFoundError(f"{folder} holds no profile")
    durations: defaultdict[str, list[float]] = defaultdict(list)
    for name, seconds in _events(traces[-1]):
        durations[name].append(seconds)
    times = [OperationTime(n, len(d), sum(d)) for n, d in durations.items()]
    return sorted(times, key=lambda time: time.seconds, reverse=True)


def table(times: list[OperationTime], steps: int, rows: int = 15) -> str:
    """Returns the longest operations as text, per step.

    Args:
        times: What `operation_times` found.
        steps: Steps that were profiled.
        rows: Operations shown.

    Example:
    >>> print(table([OperationTime("Conv2D", 8, 0.5)], steps=2))
    operation  calls a step  ms a step  share
    Conv2D                4      250.0   100%
    """
    whole = sum(t.seconds for t in times) or 1.0
    cells = [["operation", "calls a step", "ms a step", "share"]]
    for t in times[:rows]:
        cells.append(
            [
                t.name,
                f"{t.calls / steps:.0f}",
                f"{1000 * t.seconds / steps:.1f}",
                f"{100 * t.seconds / whole:.0f}%",
            ]
        )
    return plain(cells)


def _events(trace: Path) -> Iterator[tuple[str, float]]:
    """Yields each run of an operation: its type, and seconds."""
    # Part of TensorFlow's wheel, but slow to import.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(trace.read_bytes())
    devices = [p for p in space.planes if p.name.startswith("/device:")]
    hosts = [p for p in space.planes if p.name.startswith("/host:CPU")]
    for plane in devices or hosts:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                kind = name if devices else _type_of(name)
                if kind:
                    yield kind, event.duration_ps / 1e12


def _type_of(name: str) -> str:
    """The type in `node:Type#...`; empty for what is no operation.

    Python's frames start with `$`, C++ functions hold `::`, and graphs as a
    whole are named `__inference_...`.
    """
    node, _, kind = name.partition("#")[0].rpartition(":")
    whole = node.endswith(":") or name.startswith("$") or "__inf" in kind
    return "" if not node or whole else kind
