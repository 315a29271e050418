"""Ends a run at SIGTERM or Ctrl-C with its state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import keras

from dat_keras.training.checkpoint import step_of
from dat_keras.training.run_callbacks import RunCheckpoint
from dat_keras.utils.errors import RunInterruptedError
from dat_keras.utils.stop_children import SIGNALS, STOP


class EndAtSignal(keras.callbacks.Callback):
    """Saves a checkpoint after the step during which a signal came.

    Where a checkpoint would gain nothing or cannot be taken (no step done
    since the last one, the first step still being traced, a validation, a
    second signal) the run ends at once, and goes on from the last checkpoint.
    Where several processes train together, all end after a step or an epoch:
    one that ended at once would be lost to the others. Put it after
    `RunCheckpoint`.

    Args:
        checkpoint: Saves the state, and knows whether it has to be saved.
    """

    def __init__(self, checkpoint: RunCheckpoint) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.received: int | None = None
        self.raised: RunInterruptedError | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Takes the signals over inside a `with`, in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = {*SIGNALS, STOP}
        before = {each: signal.signal(each, self.receive) for each in handled}
        try:
            yield
        except Exception as error:
            # C++ code, such as a graph that is being traced, may make another
            # exception of the one that a signal raised inside it.
            if self.raised is None:
                raise
            raise self.raised from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        """Handles a signal; one of `STOP` beside another changes nothing.

        Args:
            number: The signal.
            frame: Where it came; ignored.

        Raises:
            RunInterruptedError: If there is nothing to wait for.
        """
        both = {number, self.received}
        if None not in both and STOP in both - set(SIGNALS):
            # The request of a parent and the signal that it passes on are one.
            if number != STOP:
                self.received = number
            return
        alone = self.checkpoint.workers.count == 1
        at_once = alone and not self.checkpoint.unsaved
        if self.received is not None or at_once:
            self.raised = self._error(number)
            raise self.raised
        self.received = number

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Saves and ends the run if a signal came, to any of its processes."""
        self._end_together()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Ends the run if a signal came during validation."""
        self._end_together()

    def _end_together(self) -> None:
        if self.checkpoint.workers.any(self.received is not None):
            number = self.received or signal.SIGTERM
            # Never between an epoch's last step and its validation.
            if self.checkpoint.unsaved:
                self.checkpoint.save()
            raise self._error(number)

    def _error(self, number: int) -> RunInterruptedError:
        kept = self.checkpoint.latest()
        state = f"the state is saved in {kept}" if kept else "nothing was saved"
        return RunInterruptedError(
            f"stopped by {signal.Signals(number).name} after step "
            f"{self.checkpoint.steps_done}; {state}; --resume goes on from "
            + (f"step {step_of(kept)}" if kept else "0"),
            number,
        )
