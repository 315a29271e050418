"""Batches that are a pure function of the seed and the global step.

Epoch `e` has an order drawn from `(seed, e)`; step `g` of a run reads rows
`b * B ... (b + 1) * B` of the order of epoch `g // S`, where `b = g % S` and
`S` is the number of steps per epoch. No position is kept that a resumed run
would have to restore.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from dat_keras.data.draws import permutation
from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.read_ahead import ReadAhead
from dat_keras.data.split import Split


class Batches(keras.utils.PyDataset):
    """Batches of a split, as `model.fit` and `model.evaluate` take them.

    Each batch is a pair: images `(B, H, W, C)` float32 in `[0, 1]` and labels
    `(B,)` int32. The object moves to its next epoch when Keras ends one. Call
    `fit` with `shuffle=False` and without `steps_per_epoch`: Keras' own
    shuffling would reorder the batches by a state that no checkpoint holds.

    Args:
        split: The labelled images.
        batch_size: `B`.
        shuffle: `True` for training: a new order each epoch, full batches
            only. `False` for evaluation: the order of the split, with a last
            batch that may be smaller.
        seed: Seed of the orders, not negative.
        first_step: Global step of the first batch. The first epoch is the
            rest of the epoch that this step lies in; because Keras fixes the
            number of batches when `fit` starts, call `fit` once for it and
            once more for the epochs after it.

    Raises:
        ValueError: If an argument is out of range, or if `shuffle` is on and
            there are fewer images than one batch.

    Example:
    >>> images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    >>> split = Split(images, np.zeros(10, np.int32), ("a",), "ten")
    >>> batches = Batches(split, 4)
    >>> len(batches), len(batches.starting_at(5))
    (2, 1)
    >>> x, _ = batches.starting_at(5)[0]
    >>> bool((x == batches.batch(5)[0]).all())
    True
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        first_step: int = 0,
    ):
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("seed", seed, 0),
            ("first_step", first_step, 0),
        ):
            if value < least:
                raise ValueError(
                    f"`{name}` must be at least {least}. Received: {value}"
                )
        if len(split) < (batch_size if shuffle else 1):
            raise ValueError(
                f"`batch_size` must be at most {len(split)}, the number of "
                f"images of {split.name}. Received: batch_size={batch_size}"
            )
        self.split = split
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self._next_step = first_step
        self._in_epoch = False
        lazy = isinstance(split.images, LazyImages)
        self._batch = ReadAhead(self._read) if lazy else self._read

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of a whole epoch, `S`."""
        whole, rest = divmod(len(self.split), self.batch_size)
        return whole if self.shuffle else whole + bool(rest)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the batch of a global step, whatever was read before.

        Args:
            step: Global step, counted from the start of the training.

        Returns:
            Images, shape `(B, H, W, C)`, float32 in `[0, 1]`, and labels,
            shape `(B,)`, int32.
        """
        return self._batch(int(step))

    def part(
        self, step: int, index: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns some rows of the batch of a global step.

        The parts of a batch have all its rows, each once, in their order;
        their sizes differ by one at most.

        Args:
            step: Global step.
            index: Which part, counted from 0.
            count: Number of parts.
        """
        rows = self._rows(int(step))
        size = len(rows)
        first, end = (i * size // count for i in (index, index + 1))
        return self._at(rows[first:end])

    def part_dataset(self, own: range, count: int) -> tf.data.Dataset:
        """Returns parts of the batches, without end, from the next step on.

        Args:
            own: Which parts; those of one step come one after the other.
            count: Number of parts of a batch.

        Raises:
            ValueError: If a training batch has fewer rows than parts.
        """
        if self.shuffle and self.batch_size < count:
            raise ValueError(
                "`batch_size` must be at least the number of replicas, "
                f"{count}. Received: batch_size={self.batch_size}"
            )
        step = self._next_step
        whole = self.batch_size % count == 0 and self.shuffle
        size = self.batch_size // count if whole else None
        parts = tf.data.Dataset.counter(step * len(own)).map(
            lambda i: _read_by(
                lambda i: self.part(
                    int(i) // len(own), own[int(i) % len(own)], count
                ),
                i,
                (size, *self.split.image_shape),
            )
        )
        return parts.prefetch(2 * len(own))

    def _rows(self, step: int) -> np.ndarray:
        epoch, position = divmod(step, self.steps_per_epoch)
        first = position * self.batch_size
        if self.shuffle:
            rows = order_of(len(self.split), self.seed, "batches", epoch)
            return rows[first : first + self.batch_size]
        return np.arange(first, min(first + self.batch_size, len(self.split)))

    def _read(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        return self._at(self._rows(step))

    def _at(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels, labels = self._taken(rows)
        images = np.divide(pixels, np.float32(255), dtype=np.float32)
        return images, labels.astype(np.int32)

    def _taken(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels, uint8, and labels of rows."""
        return self.split.images[rows], self.split.labels[rows]

    def starting_at(self, step: int) -> Batches:
        """Returns the same batches from a global step on."""
        return Batches(
            self.split,
            self.batch_size,
            shuffle=self.shuffle,
            seed=self.seed,
            first_step=step,
        )

    def tf_dataset(self, first_step: int = 0) -> tf.data.Dataset:
        """Returns the same batches as a `tf.data.Dataset`.

        Args:
            first_step: Global step of the first batch.

        Returns:
            Batches without end if `shuffle` is on, else one epoch of them.
        """
        size = self.batch_size if self.shuffle else None

        shape = (size, *self.split.image_shape)
        steps = tf.data.Dataset.counter(first_step)
        if not self.shuffle:
            steps = steps.take(self.steps_per_epoch)
        return steps.map(lambda i: _read_by(self.batch, i, shape)).prefetch(2)

    def __len__(self) -> int:
        """Returns the number of batches left in the current epoch."""
        return self.steps_per_epoch - self._next_step % self.steps_per_epoch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns a batch of the current epoch, counted from its start."""
        if not 0 <= index < len(self):
            raise IndexError(f"No batch {index} in an epoch of {len(self)}")
        return self.batch(self._next_step + index)

    def on_epoch_begin(self) -> None:
        """Notes that Keras reads an epoch now."""
        self._in_epoch = True

    def on_epoch_end(self) -> None:
        """Moves to the next epoch."""
        # `fit` and `evaluate` also end an epoch before they begin the first.
        if self._in_epoch:
            self._next_step += len(self)
        self._in_epoch = False


@functools.lru_cache(maxsize=4)
def order_of(count: int, seed: int, purpose: str, epoch: int) -> np.ndarray:
    """Returns the order of the rows in an epoch; the last ones are kept.

    Args:
        count: Number of rows.
        seed: Seed of the orders.
        purpose: See `permutation`.
        epoch: Number of the epoch.
    """
    return permutation(count, seed, purpose, epoch)


def _read_by(
    read: Callable[[int], tuple[np.ndarray, np.ndarray]],
    index: tf.Tensor,
    shape: tuple[int | None, ...],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Calls a function of NumPy in a graph, for images and labels."""
    x, y = tf.numpy_function(
        read, [index], (tf.float32, tf.int32), stateful=False
    )
    return tf.ensure_shape(x, shape), tf.ensure_shape(y, shape[:1])
