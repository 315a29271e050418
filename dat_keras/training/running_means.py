"""The running means of an epoch, of each replica, read and put back exactly.

A mean over replicas is the quotient of two sums over them. Each replica adds
to its own part of the sums; put back as equal parts they would round
differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def read(model: Any) -> dict[str, np.ndarray]:
    """Returns the sums of each replica, shape `(replicas,)`, by name.

    All processes of a run call it together.

    Args:
        model: A model with `train_metrics`.
    """
    variables = _variables(model)
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return {v.path: np.reshape(v.numpy(), (1,)) for v in variables}

    def own() -> tf.Tensor:
        values = tf.stack([tf.convert_to_tensor(v.value) for v in variables])
        return tf.distribute.get_replica_context().all_gather(values[None], 0)

    gathered = tf.function(lambda: strategy.run(own), autograph=False)()
    values = strategy.experimental_local_results(gathered)[0].numpy()
    return {v.path: values[:, i] for i, v in enumerate(variables)}


def write(model: Any, values: Mapping[str, np.ndarray]) -> None:
    """Puts back what `read` returned.

    Where another number of replicas reads it, the first takes all of it.

    Args:
        model: A model with `train_metrics`.
        values: The sums by name.
    """
    variables = _variables(model)
    if not variables:
        return
    strategy = model.distribute_strategy
    count = strategy.num_replicas_in_sync
    rows = np.stack([np.ravel(values[v.path]) for v in variables], axis=1)
    if len(rows) != count:
        total = rows.sum(axis=0, keepdims=True)
        rows = np.concatenate([total, np.zeros((count - 1, len(variables)))])
    rows = rows.astype(np.float32)

    def put() -> None:
        replica = tf.distribute.get_replica_context()
        own = tf.gather(rows, replica.replica_id_in_sync_group)
        for i, variable in enumerate(variables):
            variable.assign(own[i])

    if count == 1:
        for i, variable in enumerate(variables):
            variable.assign(rows[0, i])
    else:
        tf.function(lambda: strategy.run(put), autograph=False)()


def _variables(model: Any) -> list[keras.Variable]:
    return [v for m in model.train_metrics.values() for v in m.variables]
