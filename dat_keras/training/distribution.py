"""The devices that a run trains on: one, or all of this machine."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

DISTRIBUTIONS = ("none", "mirrored")
"""Values of `RunOptions.distribute`."""


def strategy_of(
    name: str, say: Callable[[str], None]
) -> tf.distribute.Strategy:
    """Returns the strategy in whose scope a model is built.

    Args:
        name: One of `DISTRIBUTIONS`.
        say: Receives a sentence about the devices.

    Example:
    >>> strategy_of("none", print).num_replicas_in_sync
    1
    """
    if name == "none":
        return tf.distribute.get_strategy()
    strategy = mirrored()
    count = strategy.num_replicas_in_sync
    say(
        f"mirrored: {count} replicas share each batch"
        if count > 1
        else "mirrored: there is one device, training goes on it alone"
    )
    return strategy


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
