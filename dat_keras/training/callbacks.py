"""Callbacks that watch a training run: its metrics, its loss, its memory."""

from __future__ import annotations

import keras

from dat_keras.training import running_means
from dat_keras.training.adversarial_images import AdversarialImages
from dat_keras.training.catastrophic_overfitting import CatastrophicOverfitting
from dat_keras.training.generator_gain import GeneratorGain
from dat_keras.utils.runtime import keep_freed_memory

__all__ = [
    "AdversarialImages",
    "CatastrophicOverfitting",
    "GeneratorGain",
    "KeepFreedMemory",
    "RestoreMetrics",
]


class RestoreMetrics(keras.callbacks.Callback):
    """Puts the running means of an interrupted epoch back, once."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Takes the restored values before `fit` resets them."""
        self._values = running_means.read(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Puts them back after the reset."""
        if self._values:
            running_means.write(self.model, self._values)
        self._values = {}


class KeepFreedMemory(keras.callbacks.Callback):
    """Calls `keep_freed_memory` after each of the first steps.

    Something in the first step sets glibc's threshold back, so calling it
    before training has no effect; from the third step on it lasts.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Calls it during the first steps of an epoch."""
        if batch < 4:
            keep_freed_memory()
