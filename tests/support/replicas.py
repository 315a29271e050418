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


def step_on(strategy, model, batch, sizes):
    """Runs one training step on the rows of a batch, cut into sizes.

    Args:
        strategy: Where the model was built.
        model: A compiled `AdversarialModel`.
        batch: Images and labels.
        sizes: Rows of each replica.
    """
    if len(sizes) == 1:
        parts = batch
    else:
        each = list(
            zip(*(tf.split(part, sizes) for part in batch), strict=True)
        )
        parts = strategy.experimental_distribute_values_from_function(
            lambda c: each[c.replica_id_in_sync_group]
        )

    @tf.function(autograph=False)
    def step(parts):
        strategy.run(model.train_step, (parts,))

    step(parts)
