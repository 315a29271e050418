"""Callbacks that watch a training run: its metrics, its loss, its memory."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import numpy as np

from dat_keras.training.catastrophic_overfitting import CatastrophicOverfitting
from dat_keras.training.generator_gain import GeneratorGain
from dat_keras.utils.errors import TrainingDivergedError
from dat_keras.utils.runtime import keep_freed_memory

__all__ = [
    "CatastrophicOverfitting",
    "GeneratorGain",
    "KeepFreedMemory",
    "RaiseOnNaN",
    "RestoreMetrics",
    "tensorboard_logs",
]


class RestoreMetrics(keras.callbacks.Callback):
    """Puts the running means of an interrupted epoch back, once."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Takes the restored values before `fit` resets them."""
        self._values = [
            (v, v.numpy())
            for m in self.model.train_metrics.values()
            for v in m.variables
        ]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Puts them back after the reset."""
        for variable, value in self._values:
            variable.assign(value)
        self._values = []


class KeepFreedMemory(keras.callbacks.Callback):
    """Calls `keep_freed_memory` after each of the first steps.

    Something in the first step sets glibc's threshold back, so calling it
    before training has no effect; from the third step on it lasts.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Calls it during the first steps of an epoch."""
        if batch < 4:
            keep_freed_memory()


class RaiseOnNaN(keras.callbacks.Callback):
    """Raises `TrainingDivergedError` when the loss is not finite.

    Keras' `TerminateOnNaN` would end `fit` as if the run were complete.

    Without `jit_compile` the step itself checks, before it writes anything,
    and without waiting for the device as this callback does.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Looks at the running mean of the loss."""
        if not np.isfinite(float((logs or {})["loss"])):
            raise TrainingDivergedError(
                f"the loss is not finite at step {int(self.model.step.numpy())}"
            )


def tensorboard_logs(folder: Path) -> tuple[keras.callbacks.Callback, ...]:
    """Returns Keras' TensorBoard callback, or says how to get it.

    Raises:
        ValueError: If TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ValueError(
            "TensorBoard is not installed: pip install 'dat-keras[tensorboard]'"
        )
    return (keras.callbacks.TensorBoard(str(folder), write_graph=False),)
