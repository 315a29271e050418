"""Batches read ahead of the training step, in threads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from dat_keras.utils.runtime import cpu_cores

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Batches that are read while a step runs."""


class ReadAhead(Generic[T]):
    """A function of the step whose next values are computed meanwhile.

    The values are those of the function, whatever was asked for before.

    Args:
        function: Maps a step to a value; called in threads.
        ahead: Number of steps that are computed ahead.

    Example:
    >>> square = ReadAhead(lambda step: step**2)
    >>> square(3), square(4), square(10)
    (9, 16, 100)
    """

    def __init__(self, function: Callable[[int], T], ahead: int = AHEAD):
        self.function = function
        self.ahead = ahead
        self._futures: dict[int, Future[T]] = {}

    def __call__(self, step: int) -> T:
        """Returns the value of a step, and starts on the next ones."""
        before = self._futures
        self._futures = {
            s: before.get(s) or _batches().submit(self.function, s)
            for s in range(step, step + 1 + self.ahead)
        }
        for s in before.keys() - self._futures.keys():
            before[s].cancel()
        return self._futures[step].result()


def in_threads(function: Callable[[T], R], values: Iterable[T]) -> list[R]:
    """Returns a function of values, computed by as many threads as cores.

    Example:
    >>> in_threads(abs, [-1, 2])
    [1, 2]
    """
    return list(_items().map(function, values))


# Two pools: batches, which wait for their images, must not take all threads.
@functools.cache
def _batches() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AHEAD, "batch")


@functools.cache
def _items() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_cores(), "image")
