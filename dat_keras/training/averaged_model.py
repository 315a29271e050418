"""A model that holds its averaged weights outside of training.

While `fit` runs, the classifier holds the weights that train. When it has
ended, it holds their average, which validation measured, as with Keras' own
`use_ema`; the next training step begins from the weights that train. A model
that is saved meanwhile is saved as at the end.
"""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from dat_keras.core.keras_private import forget_layer
from dat_keras.optimizers.weight_averaging import Averaging, WeightAverage
from dat_keras.training.batch_norm_statistics import MeasureStatistics
from dat_keras.training.measured_model import MeasuredModel
from dat_keras.training.reread_images import reread
from dat_keras.utils.kinds import described


class AveragedModel(MeasuredModel):
    """Puts the average into the classifier at the end of `fit`.

    A subclass sets `average`.
    """

    average: WeightAverage | None
    _fits = False

    def fit(
        self, x: Any = None, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains as `CountedModel.fit` does, and measures the average.

        With `Averaging(measured=True)` the training data are read once more
        before each validation, or at the end where there is none.

        Args:
            x: As for Keras, and so are `*args` and `**kwargs`.
            *args: `y`, `batch_size`, ...
            **kwargs: `epochs`, `total_steps`, ...

        Raises:
            ValueError: If the data cannot be read twice but would have to be.
        """
        if self.average is None or not self.average.averaging.measured:
            return super().fit(x, *args, **kwargs)
        own = {k: kwargs.pop(k) for k in ("total_steps",) if k in kwargs}
        signature = inspect.signature(keras.Model.fit)
        given = dict(signature.bind(self, x, *args, **kwargs).arguments)
        del given["self"]
        callbacks = tf.nest.flatten(given.get("callbacks") or [])
        if not any(isinstance(c, MeasureStatistics) for c in callbacks):
            read = reread(given, self.image_shape, self.num_classes)
            if read is None:
                raise ValueError(
                    "`Averaging(measured=True)` reads the training images "
                    "once more before each validation: give `fit` arrays, a "
                    "`PyDataset` or a `tf.data.Dataset`, or average without "
                    f"`measured`. Received: x={described(x)}"
                )
            callbacks = [MeasureStatistics(read), *callbacks]
        return super().fit(**given | own | {"callbacks": callbacks})

    def keep_average(self, averaging: Averaging | None) -> None:
        """Begins an average of the weights that the classifier holds.

        One with the same settings is kept, so that a model may be compiled
        again, as for other metrics. Any other ends; its weights stay in the
        classifier if they are there, and train from then on.

        Args:
            averaging: Its settings; `None` for no average.
        """
        if self.average is not None:
            same = self.average.averaging == averaging
            if same and self.average.covers(self.classifier.weights):
                return
            forget_layer(self, self.average)
        self.average = None
        if averaging is not None:
            self.average = WeightAverage(self.classifier.weights, averaging)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves as Keras does; during `fit` as it would be after it.

        So the file of a `ModelCheckpoint` has the average in the classifier,
        predicts as it was validated, and goes on with the weights that train.

        Args:
            *args: As for Keras.
            **kwargs: Likewise.
        """
        if self._fits:
            self.hold_average()
        try:
            super().save(*args, **kwargs)
        finally:
            if self._fits:
                self.hold_training_weights()

    def before_training(self) -> None:
        """Puts the weights that train into the classifier."""
        self.hold_training_weights()
        self._fits = True

    def after_fit(self) -> None:
        """Puts the average into the classifier, if one is kept.

        The weights that train are kept, saved with the model, and trained on
        by the next call. They are dropped if the classifier was given other
        weights meanwhile, which train then.
        """
        self._fits = False
        self.hold_average()

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Trains as Keras does, on the weights that train, and keeps them.

        Args:
            *args: As for Keras.
            **kwargs: Likewise.
        """
        self.hold_training_weights()
        return super().train_on_batch(*args, **kwargs)

    def hold_average(self) -> None:
        """Puts the average, if one is kept, into the classifier."""
        if self.average is not None:
            self.average.exchange(self.classifier.weights)

    def hold_training_weights(self) -> None:
        """Undoes `hold_average`, if it was called."""
        if self.average is not None:
            self.average.restore(self.classifier.weights)

    def inference_scope(self) -> AbstractContextManager:
        """Returns a scope in which the classifier reads its best weights.

        The averaged weights where an average is kept, else its own.
        """
        if self.average is None:
            return nullcontext()
        return self.average.scope(self.classifier.weights)
