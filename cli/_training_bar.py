"""A training's progress on a terminal: one moving line, one line an epoch.

Keras' own bar shows every metric, more than 80 columns hold. All of them are
in `history.csv`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from keras.callbacks import Callback

from dat_keras.cli._console import opened_bars

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

SHOWN = {
    "loss": "loss {:.4f}",
    "val_accuracy": "validation {:.2%}",
    "val_robust_accuracy": "robust {:.2%}",
}
"""What the line of an epoch says, in the order of importance."""

SECONDS = 0.25
"""Least time between two readings of the loss, which wait for the step."""


class TrainingBar(Callback):
    """Shows a moving line during `fit`, also while a graph compiles.

    It can be pickled before `fit` begins, to be used in another process.

    Args:
        make_console: Returns the terminal. Default: stderr.
        clock: Returns seconds.
    """

    def __init__(
        self,
        make_console: Callable[[], Console] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.make_console = make_console
        self.clock = clock
        self._display: Progress | None = None
        self._validation_steps: int | None = None

    def say(self, sentence: str) -> None:
        """Prints a sentence above the moving line, if there is one."""
        from rich.console import Console

        if self._display is None:
            make = self.make_console or (lambda: Console(stderr=True))
            console = make()
        else:
            console = self._display.console
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Removes the moving line; needed where `fit` ends by an error."""
        if self._display is not None:
            self._display.stop()
            self._display = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Shows that the first step is being compiled."""
        self.close()
        console = self.make_console() if self.make_console else None
        self._display = opened_bars(console)
        self._display.start()
        # A process that is killed must not leave the terminal without one.
        self._display.console.show_cursor(True)
        self._task = self._added("compiling", None)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Removes the moving line."""
        self.close()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begins the line of an epoch."""
        self._began, self._read = self.clock(), -SECONDS
        self._name = f"epoch {epoch + 1}/{self.params.get('epochs') or '?'}"
        state = "compiling" if epoch == 0 else ""
        self._replace(f"{self._name} {state}".rstrip(), self.params["steps"])

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the line, and reads the loss a few times a second."""
        changes: dict[str, Any] = {"completed": batch + 1}
        if self.clock() - self._read >= SECONDS and "loss" in (logs or {}):
            self._read = self.clock()
            loss = float((logs or {})["loss"])
            changes["description"] = f"{self._name} loss {loss:.4f}"
        self._update(**changes)

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Begins the line of a validation."""
        self._replace(f"{self._name} validating", self._validation_steps)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves it."""
        self._tested = batch + 1
        self._update(completed=self._tested)

    def on_test_end(self, logs: dict | None = None) -> None:
        """Remembers how long a validation is."""
        self._validation_steps = self._tested

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Prints the line that stays."""
        seconds = self.clock() - self._began
        self.say(epoch_line(self._name, seconds, logs or {}))

    def _added(self, description: str, total: int | None) -> TaskID | None:
        if self._display is None:
            return None
        return self._display.add_task(description, total=total)

    def _replace(self, description: str, total: int | None) -> None:
        if self._display is not None and self._task is not None:
            self._display.remove_task(self._task)
        self._task = self._added(description, total)

    def _update(self, **changes: Any) -> None:
        if self._display is not None and self._task is not None:
            self._display.update(self._task, **changes)


def epoch_line(name: str, seconds: float, logs: dict) -> str:
    """Returns what an epoch leaves on a terminal.

    Args:
        name: Of the epoch.
        seconds: How long it took, validation included.
        logs: What Keras gives to `on_epoch_end`.

    Example:
    >>> epoch_line("epoch 1/2", 61.4, {"loss": 1.5, "val_accuracy": 0.25})
    'epoch 1/2: 61 s, loss 1.5000, validation 25.00%'
    """
    said = [
        text.format(float(logs[n])) for n, text in SHOWN.items() if n in logs
    ]
    return f"{name}: " + ", ".join([f"{seconds:.0f} s", *said])


@contextlib.contextmanager
def training_bar(shown: bool) -> Iterator[TrainingBar | None]:
    """Gives a bar that is closed at the end, however training ends.

    Args:
        shown: Whether there is a terminal; without one there is no bar.
    """
    bar = TrainingBar() if shown else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()
