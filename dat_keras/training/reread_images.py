"""The training data of `fit`, read once more without moving its position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from dat_keras.data import Batches
from dat_keras.data.draws import permutation
from dat_keras.training.batch import read_batch
from dat_keras.training.run_length import training_rows

Pairs: TypeAlias = Iterator[tuple[tf.Tensor, tf.Tensor]]
"""Images `(B, H, W, C)` and labels, batch by batch."""


def reread(
    given: Mapping[str, Any], image_shape: tuple[int, int, int], classes: int
) -> Callable[[], Pairs] | None:
    """Returns what reads the training data of a call of `fit` once.

    Args:
        given: Arguments of `fit` by name.
        image_shape: `(H, W, C)` of the classifier.
        classes: Its number of classes.

    Returns:
        Reads an epoch of batches; `None` if the data can be read only once,
        as those of a generator. Arrays come in full batches, in one random
        order where `fit` shuffles them.

    Example:
    >>> x, y = np.zeros((5, 2, 2, 1), np.float32), np.arange(5)
    >>> read = reread({"x": x, "y": y, "batch_size": 2}, (2, 2, 1), 10)
    >>> [len(labels) for _, labels in read()]
    [2, 2]
    """
    x, steps = given.get("x"), given.get("steps_per_epoch")
    read: Callable[[], Iterable[Any]]
    if isinstance(x, Batches):
        read = lambda: map(x.batch, range(x.steps_per_epoch))  # noqa: E731
    elif isinstance(x, keras.utils.PyDataset):
        count = steps or x.num_batches
        if count is None:
            return None
        read = lambda: (x[i] for i in range(count))  # noqa: E731
    elif isinstance(x, tf.data.Dataset):
        read = lambda: x.take(steps) if steps else x  # noqa: E731
    elif hasattr(x, "shape") and hasattr(given.get("y"), "shape"):
        read = lambda: _slices(given)  # noqa: E731
    else:
        return None

    def pairs() -> Pairs:
        for data in read():
            x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
            tensors = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
            batch = read_batch(tensors, image_shape, classes)
            yield batch.x, batch.y

    return pairs


def _slices(given: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    x, y = np.asarray(given["x"]), np.asarray(given["y"])
    rows = np.arange(training_rows(given))
    if given.get("shuffle") is not False:
        rows = permutation(len(rows), 0, "statistics")
    size = min(given.get("batch_size") or 32, len(rows))
    for start in range(0, len(rows) - size + 1, size):
        chosen = rows[start : start + size]
        yield x[chosen], y[chosen]
