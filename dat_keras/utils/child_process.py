"""Work in a process of its own, whose memory is its own and is given back."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

from dat_keras.utils.errors import ProcessDiedError
from dat_keras.utils.runtime import quiet_tensorflow

T = TypeVar("T")


def in_own_process(function: Callable[..., T], *args: object) -> T:
    """Calls a function in a new process, which dies with this one.

    The process starts afresh and imports the main module: a script must keep
    its own work behind `if __name__ == "__main__":`.

    Args:
        function: A function that can be imported by name.
        *args: What can be pickled.

    Returns:
        What the function returns.

    Raises:
        ProcessDiedError: If the process was killed.
        Exception: What the function raises.
    """
    return _call(partial(quiet_tensorflow, False), function, *args)


def _call(
    begin: Callable[[], None], function: Callable[..., T], *args: object
) -> T:
    pool = ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(begin,),
    )
    with pool:
        try:
            return pool.submit(function, *args).result()
        except BrokenProcessPool:
            raise ProcessDiedError(
                "the process was killed; the system's memory may be too small"
            ) from None


def _begin(begin: Callable[[], None]) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end, args=(parent,), daemon=True).start()
    begin()


def _end(parent: multiprocessing.process.BaseProcess) -> None:
    # Two processes must not write one run folder: the one that is started
    # after a kill, and the one that the kill left behind.
    parent.join()
    os._exit(1)
