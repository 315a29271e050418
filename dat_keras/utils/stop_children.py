"""Ends processes begun here, with their state saved, at SIGTERM or Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from dat_keras.utils.errors import RunInterruptedError

SIGNALS = (signal.SIGTERM, signal.SIGINT)

STOP = getattr(signal, "SIGUSR1", signal.SIGTERM)
"""Asks a process to save its state and to end; again it changes nothing.

A terminal and a scheduler may send their own signal to all processes, and a
second SIGTERM would end a training without its state.
"""


@contextmanager
def stop_children_at_signal() -> Iterator[None]:
    """Takes SIGTERM and Ctrl-C over inside a `with`, in the main thread only.

    The first one asks the processes that this one began to end, and raises;
    whoever waits for them waits until they have. A second one kills them.

    Raises:
        RunInterruptedError: When a signal comes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = False

    def receive(number: int, frame: FrameType | None) -> None:
        nonlocal received
        again, received = received, True
        for child in multiprocessing.active_children():
            if again:
                child.kill()
            elif child.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, STOP)
        raise RunInterruptedError(
            f"stopped by {signal.Signals(number).name}; --resume goes on",
            number,
        )

    before = {each: signal.signal(each, receive) for each in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
