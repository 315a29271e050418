"""A Keras model that counts its steps and knows the length of its run."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dat_keras.training.replicated_model import ReplicatedModel
from dat_keras.training.run_length import check_known, steps_of_fit


class CountedModel(ReplicatedModel):
    """Counts its steps; `fit` says how many there will be.

    A subclass makes `step` and `total_steps` with `_counter`: their place
    among its weights is that in a checkpoint.
    """

    step: keras.Variable
    total_steps: keras.Variable

    def fit(
        self,
        x: Any = None,
        *args: Any,
        shuffle: bool | None = None,
        total_steps: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does.

        Args:
            x: As for Keras, and so are `*args` and `**kwargs`.
            *args: `y`, `batch_size`, ...
            shuffle: Default: `False` for a `PyDataset`, such as `Batches`,
                and a `tf.data.Dataset`, which have their own order, `True`
                for the rest.
            total_steps: Length of the whole run, for ramps, phases and
                averages. Default: the steps done and those of this call.
            **kwargs: `epochs`, `steps_per_epoch`, ...

        Raises:
            ValueError: If the length is needed, not given, and unknown, as
                for a `tf.data.Dataset` of unknown size.
        """
        if total_steps is None:
            steps = steps_of_fit(super().fit, (x, *args), kwargs)
            total_steps = steps and int(self.step.numpy()) + steps
        self.total_steps.assign(total_steps or 0)
        self.check_run_length()
        if shuffle is None:
            ordered = keras.utils.PyDataset, tf.data.Dataset
            shuffle = not isinstance(x, ordered)
        self.before_training()
        x, steps = self.shared_out(x)
        if steps is not None:
            kwargs.setdefault("steps_per_epoch", steps)
        shared, steps = self.shared_out(kwargs.get("validation_data"))
        if steps is not None:
            kwargs |= {"validation_data": shared, "validation_steps": steps}
        try:
            return super().fit(x, *args, shuffle=shuffle, **kwargs)
        finally:
            self.after_fit()

    def before_training(self) -> None:
        """Called before `fit` trains."""

    def after_fit(self) -> None:
        """Called when `fit` has ended, in whatever way."""

    @property
    def progress(self) -> tf.Tensor:
        """Share of the run done, in `[0, 1]`; NaN if its length is unknown."""
        done = tf.cast(self.step.value, tf.float32)
        total = tf.cast(self.total_steps.value, tf.float32)
        return tf.where(total > 0.0, tf.minimum(done / total, 1.0), np.nan)

    def check_run_length(self) -> None:
        """Refuses a step that needs the length of the run, if it is unknown."""
        check_known(self.total_steps, self._reads_progress)

    @property
    def _reads_progress(self) -> str | None:
        """What depends on the length of the run; `None`, as here: nothing."""
        return None

    def _counter(self, name: str, value: int) -> keras.Variable:
        return self.add_weight(
            shape=(),
            dtype="int64",
            trainable=False,
            initializer=keras.initializers.Constant(value),
            name=name,
        )
