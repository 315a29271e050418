"""A batch divided among the cores, each of them busy with images of its own.

A small classifier's operations are too short to be cut up: threads that share
one wait for each other longer than they work. Threads that each attack their
own images do not meet before the end.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

LEAST = 8
"""Images of a share; with fewer, each takes longer."""
GRAIN = 4
"""Shares are filled up to a multiple of this: kernels are made for a size."""
MOST = 8
"""Shares of a batch; where there are more cores, operations are cut up too."""


def run_in_parallel(
    function: Callable[..., tf.Tensor], *arrays: np.ndarray
) -> np.ndarray:
    """Calls a traced function on shares of a batch, all at the same time.

    Rows must not influence each other.

    Args:
        function: Maps arrays with as many rows as each other to a tensor with
            that many; must not be traced by the call.
        arrays: The batch, at least one row.

    Returns:
        The rows of all results, in order.

    Example:
    >>> double = tf.function(
    ...     lambda x: 2 * x, input_signature=[tf.TensorSpec((None,))]
    ... )
    >>> double.get_concrete_function().structured_outputs.shape
    TensorShape([None])
    >>> run_in_parallel(double, np.arange(17, dtype="f"))[-2:].tolist()
    [30.0, 32.0]
    """
    count = min(_workers(), -(-len(arrays[0]) // LEAST))
    parts = zip(*(np.array_split(a, count) for a in arrays), strict=True)
    each = functools.partial(_filled_up, function)
    run = map if count == 1 else _pool().map
    return np.concatenate(list(run(each, parts)))


def use_data_parallel_threads() -> None:
    """Has TensorFlow cut up no operation, for the shares of a batch do better.

    Holds for the whole process, so it is for a command to call, before
    TensorFlow has run anything; later it does nothing, and neither does it
    where there is a GPU.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    with contextlib.suppress(RuntimeError):
        threads = -(-_cores() // MOST)
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _filled_up(
    function: Callable[..., tf.Tensor], arrays: Sequence[np.ndarray]
) -> np.ndarray:
    """Calls a function on arrays whose last row is repeated a few times."""
    rows = len(arrays[0])
    more = np.minimum(np.arange(-(-rows // GRAIN) * GRAIN), rows - 1)
    return np.asarray(function(*(array[more] for array in arrays)))[:rows]


def _workers() -> int:
    if tf.config.list_logical_devices("GPU"):
        return 1
    return min(_cores(), MOST)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_workers(), "share")
