"""Data-parallel batches on CPU threads.

The operations of a small classifier are too short for intra-op parallelism:
threads that share one wait for each other longer than they compute. Threads
that each attack their own images synchronise once a batch.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from dat_keras.utils.runtime import cpu_cores

LEAST = 8
"""Fewest images of a share; with fewer, each image takes longer."""
GRAIN = 4
"""Shares are padded to a multiple of this: kernels are tuned for a size."""
MOST = 8
"""Most shares of a batch; more cores than that are used within operations."""


def run_in_parallel(
    function: Callable[..., tf.Tensor], *arrays: np.ndarray
) -> np.ndarray:
    """Calls a traced function on shares of a batch, all at the same time.

    Rows must not influence each other.

    Args:
        function: Maps arrays of equal length to a tensor of that length; must
            already be traced.
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
    each = functools.partial(_padded, function)
    run = map if count == 1 else _pool().map
    return np.concatenate(list(run(each, parts)))


def use_data_parallel_threads() -> None:
    """Turns off intra-op threads, because data-parallel threads are faster.

    This is a setting of the whole process: commands call it, before
    TensorFlow has run anything; later, or where there is a GPU, it has no
    effect.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    with contextlib.suppress(RuntimeError):
        threads = -(-cpu_cores() // MOST)
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _padded(
    function: Callable[..., tf.Tensor], arrays: Sequence[np.ndarray]
) -> np.ndarray:
    """Calls a function on arrays padded by copies of their last row."""
    rows = len(arrays[0])
    more = np.minimum(np.arange(-(-rows // GRAIN) * GRAIN), rows - 1)
    return np.asarray(function(*(array[more] for array in arrays)))[:rows]


def _workers() -> int:
    if tf.config.list_logical_devices("GPU"):
        return 1
    return min(cpu_cores(), MOST)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_workers(), "share")
