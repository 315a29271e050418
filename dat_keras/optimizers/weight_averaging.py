"""Weight averaging: an exponential moving average beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dat_keras.utils.ranges import RangeChecked, Share

TRAINING = "training_"
"""Prefix, in a saved file, of the weights whose place the average takes."""


@dataclass(frozen=True)
class Averaging(RangeChecked):
    """Settings of a weight average.

    Args:
        decay: Share of the old average kept each step. Default: 0.9996, of
            the DAJAT and DAT line (a window of 2 500 steps).
        start: Share of the training after which averaging begins. Default:
            three quarters, of the same line.
        measured: Whether BatchNorm statistics are recomputed before each
            validation, by a pass over the training images under the averaged
            weights, in place of their average. Default: no; IDBH does it.

    Example:
    >>> Averaging(decay=0.999)
    Averaging(decay=0.999, start=0.75, measured=False)
    """

    decay: Share = 0.9996
    start: Share = 0.75
    measured: bool = False


class WeightAverage(keras.layers.Layer):
    """`average = decay * average + (1 - decay) * weights`, every step.

    The average covers trainable weights and BatchNorm statistics, equals the
    weights until averaging starts, and never feeds back into training. Of
    integers, such as counters, it holds the last value.
    `exchange` puts it in the place of the weights and keeps them, on the host
    and in saved files; `restore` puts them back.

    Args:
        weights: The classifier's weights.
        averaging: Decay and start.

    Example:
    >>> w = keras.Variable([2.0])
    >>> average = WeightAverage([w], Averaging(decay=0.5, start=0.0))
    >>> w.assign([4.0]).numpy()
    array([4.], dtype=float32)
    >>> average.update([w], progress=1.0)
    >>> average.average[0].numpy()
    array([3.], dtype=float32)
    """

    def __init__(
        self, weights: Sequence[keras.Variable], averaging: Averaging
    ) -> None:
        super().__init__(name="weight_average")
        self.averaging = averaging
        self._replaced: tuple[np.ndarray, ...] = ()
        self.average = [
            self.add_weight(
                shape=w.shape,
                dtype=w.dtype,
                trainable=False,
                initializer=keras.initializers.Constant(w.numpy()),
                name=w.path.replace("/", "."),
            )
            for w in weights
        ]
        self.built = True

    def covers(self, weights: Sequence[keras.Variable]) -> bool:
        """Whether it can be that of these weights, by their shapes."""
        shapes = [tuple(mean.shape) for mean in self.average]
        return shapes == [tuple(w.shape) for w in weights]

    def update(
        self, weights: Sequence[keras.Variable], progress: float | tf.Tensor
    ) -> None:
        """Takes the current weights in; call it after every step."""
        decay = tf.where(
            progress < self.averaging.start, 0.0, self.averaging.decay
        )
        for mean, w in zip(self.average, weights, strict=True):
            if not tf.as_dtype(w.dtype).is_floating:
                mean.assign(w.value)
                continue
            mean.assign(decay * mean.value + (1.0 - decay) * w.value)

    def scope(
        self, weights: Sequence[keras.Variable]
    ) -> AbstractContextManager:
        """Returns a scope in which `weights` read as their average."""
        return keras.StatelessScope(state_mapping=self.values(weights))

    def values(
        self, weights: Sequence[keras.Variable]
    ) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Returns each of `weights` with its average."""
        return [
            (w, mean.value)
            for w, mean in zip(weights, self.average, strict=True)
        ]

    def put(
        self,
        weights: Sequence[keras.Variable],
        values: Sequence[tuple[keras.Variable, tf.Tensor]],
    ) -> None:
        """Replaces the average of some of `weights` by given values."""
        places = {id(w): i for i, w in enumerate(weights)}
        for w, value in values:
            self.average[places[id(w)]].assign(value)

    def exchange(self, weights: Sequence[keras.Variable]) -> None:
        """Puts the average into `weights` and keeps what they held.

        Nothing happens if they hold the average of an earlier call.
        """
        if self._in_place(weights):
            return
        self._replaced = tuple(np.array(w.numpy()) for w in weights)
        for w, mean in zip(weights, self.average, strict=True):
            w.assign(mean.value)

    def restore(self, weights: Sequence[keras.Variable]) -> None:
        """Puts back what `exchange` kept.

        If `weights` were given other values since, they keep those.
        """
        if self._in_place(weights):
            for w, value in zip(weights, self._replaced, strict=True):
                w.assign(value)
        self._replaced = ()

    def _in_place(self, weights: Sequence[keras.Variable]) -> bool:
        """Whether `weights` hold the average in place of kept values."""
        return bool(self._replaced) and all(
            np.array_equal(w.numpy(), mean.numpy(), equal_nan=True)
            for w, mean in zip(weights, self.average, strict=True)
        )

    def save_own_variables(self, store: Any) -> None:
        """Saves the average and, if they are kept, the weights that train."""
        super().save_own_variables(store)
        for i, value in enumerate(self._replaced):
            store[f"{TRAINING}{i}"] = value

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` saved."""
        count = len(self.average)
        if f"{TRAINING}0" not in store.keys():  # noqa: SIM118
            self._replaced = ()
            super().load_own_variables(store)
            return
        averages = {str(i): store[str(i)] for i in range(count)}
        super().load_own_variables(averages)
        self._replaced = tuple(
            np.array(store[f"{TRAINING}{i}"]) for i in range(count)
        )
