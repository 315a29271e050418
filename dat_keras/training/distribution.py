"""The devices that a run trains on: one, all of this machine, or many hosts."""

from __future__ import annotations

import faulthandler
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from dat_keras.utils.cluster import Cluster

DISTRIBUTIONS = ("none", "mirrored", "multiworker")
"""Values of `RunOptions.distribute`."""
PATIENCE = 300.0
"""Seconds for which a worker waits at its start for all others."""


def strategy_of(
    name: str, say: Callable[[str], None]
) -> tf.distribute.Strategy:
    """Returns the strategy in whose scope a model is built.

    Args:
        name: One of `DISTRIBUTIONS`.
        say: Receives a sentence about the devices.

    Raises:
        ValueError: For `multiworker`, if `TF_CONFIG` does not name the
            workers, or if TensorFlow has already run something.

    Example:
    >>> strategy_of("none", print).num_replicas_in_sync
    1
    """
    if name == "none":
        return tf.distribute.get_strategy()
    strategy = mirrored() if name == "mirrored" else multi_worker(say)
    count = strategy.num_replicas_in_sync
    say(
        f"{name}: {count} replicas share each batch"
        if count > 1
        else f"{name}: there is one device, training goes on it alone"
    )
    return strategy


def awaited(name: str, say: Callable[[str], None]) -> tf.distribute.Strategy:
    """Waits for the other processes of a run, before anything is computed.

    Args:
        name: One of `DISTRIBUTIONS`; those of one process do not wait.
        say: Receives a sentence about who is awaited.

    Returns:
        The strategy of all processes, or that of one device.
    """
    if name == "multiworker":
        return multi_worker(say)
    return tf.distribute.get_strategy()


@functools.cache
def mirrored() -> tf.distribute.Strategy:
    """Returns the strategy of all local GPUs, or of the logical CPUs.

    The same one at each call: collective operations of a second strategy in
    a process would use the keys of the first ("Shape mismatch in the
    collective instance"). CPUs sum on one of them, without collectives.
    """
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy(
        [device.name for device in devices],
        cross_device_ops=None if gpus else tf.distribute.ReductionToOneDevice(),
    )


_multi_worker: list[tf.distribute.Strategy] = []


def multi_worker(
    say: Callable[[str], None], patience: float = PATIENCE
) -> tf.distribute.Strategy:
    """Returns the strategy of all workers that `TF_CONFIG` names.

    The same one at each call. The first call waits for all of them, and must
    come before TensorFlow computes anything.

    Args:
        say: Receives a sentence about who is awaited.
        patience: Seconds after which the process ends if one is missing.

    Raises:
        ValueError: If `TF_CONFIG` does not name the workers, or if TensorFlow
            has already run something.
    """
    if not _multi_worker:
        cluster = Cluster.of_environment()
        if cluster.others:
            say(
                f"worker {cluster.index} of {len(cluster.addresses)} waits for "
                f"{', '.join(cluster.others)}; if one does not come within "
                f"{patience:g} s, this process ends with exit code 1"
            )
        try:
            with _ended_after(patience):
                _multi_worker.append(
                    tf.distribute.MultiWorkerMirroredStrategy()
                )
        except RuntimeError as error:
            if "program startup" not in str(error):
                raise
            raise ValueError(
                "multiworker must come before anything else that TensorFlow "
                "computes: call `dat_keras.training.distribution.multi_worker"
                "(print)` first. Received: a process that has computed"
            ) from None
    return _multi_worker[0]


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Ends the process if the `with` takes longer.

    TensorFlow waits in C++ and holds Python's lock: neither a signal handler
    nor a thread of Python's could run.
    """
    with open(os.devnull, "w") as silence:
        faulthandler.dump_traceback_later(seconds, exit=True, file=silence)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
