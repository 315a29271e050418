"""Work in processes of their own, whose memory is their own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import (
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

from dat_keras.utils.errors import ProcessDiedError
from dat_keras.utils.runtime import quiet_tensorflow, share_arenas

T = TypeVar("T")

THREADS = "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"
"""Variables from which TensorFlow reads how many threads it may use."""


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


def in_limited_process(
    threads: int, function: Callable[..., T], *args: object
) -> T:
    """Calls a function as `in_own_process` does, on some of the cores.

    Args:
        threads: Threads that an operation of TensorFlow may use.
        function: See `in_own_process`.
        *args: Likewise.
    """
    return _call(partial(_limited, threads), function, *args)


def call_side_by_side(
    function: Callable[..., object], calls: Iterable[tuple], workers: int
) -> None:
    """Makes calls in order, some of them at a time.

    After an error no further call begins; those that run end first.

    Args:
        function: What is called.
        calls: Its arguments, for each call.
        workers: Calls at a time.

    Raises:
        Exception: What the first call that failed raises.

    Example:
    >>> call_side_by_side(print, [(1, 2), (3,)], workers=1)
    1 2
    3
    """
    failed = threading.Event()

    def attempt(call: tuple) -> None:
        if failed.is_set():
            return
        try:
            function(*call)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(attempt, call) for call in calls]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            # Ctrl-C comes to this thread.
            failed.set()


def _limited(threads: int) -> None:
    for name in THREADS:
        os.environ[name] = str(threads)
    quiet_tensorflow(False)


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
    # Before any thread: glibc asks once.
    share_arenas()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end, args=(parent,), daemon=True).start()
    begin()


def _end(parent: multiprocessing.process.BaseProcess) -> None:
    # Two processes must not write one run folder: the one that is started
    # after a kill, and the one that the kill left behind.
    parent.join()
    os._exit(1)
