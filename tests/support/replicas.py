"""Two replicas on one machine, for updates that all replicas must share."""

import tensorflow as tf


def two_replicas():
    """A strategy over the two logical CPUs that `conftest.py` configures.

    It sums on one device: collective operations of several strategies in one
    process would share their keys.
    """
    devices = [d.name for d in tf.config.list_logical_devices("CPU")][:2]
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
