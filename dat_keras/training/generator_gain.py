"""Keras callback: what DAT's learned amplitude adds over a constant one."""

from __future__ import annotations

import keras
import tensorflow as tf

from dat_keras.classifiers.held_updates import discarding_updates
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey, Key
from dat_keras.core.types import Images, Labels
from dat_keras.objectives.dat.generator import AmplitudeAdversary
from dat_keras.objectives.step import Step


class _Constant(AmplitudeAdversary):
    """A generator whose every number is the mean of another one's."""

    def __init__(self, learned: AmplitudeAdversary) -> None:
        super().__init__(
            learned.generator,
            keras.optimizers.SGD(),
            learned.update,
            learned.scale,
            learned.conditioning,
        )

    def generated(self, condition: tf.Tensor, key: Key) -> tf.Tensor:
        """Returns the mean of the batch at every place."""
        made = super().generated(condition, key)
        return tf.fill(tf.shape(made), tf.reduce_mean(made))


class GeneratorGain(keras.callbacks.Callback):
    """Logs `generator_gain` after each epoch.

    The loss on one batch with the generator's amplitudes, minus that with
    their mean at every frequency, on the same draws; each is attacked for
    itself. BatchNorm reads batch statistics, as in training. No variable
    changes and the draws have a key of their own, so training ends with the
    same bits with it or without.

    Args:
        x: Images in `[0, 1]`, shape `(B, H, W, C)`, un-augmented.
        y: Class ids, shape `(B,)`.

    Raises:
        ValueError: When training begins, if the method has no generator.

    Example:
    >>> gain = GeneratorGain(tf.zeros((2, 8, 8, 3)), tf.zeros(2, tf.int32))
    >>> gain.x.shape[0]
    2
    """

    def __init__(self, x: Images, y: Labels) -> None:
        super().__init__()
        self.x = tf.convert_to_tensor(x, tf.float32)
        self.y = tf.cast(y, tf.int32)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Refuses methods without a generator."""
        learned = self.model.adversary
        if not isinstance(learned, AmplitudeAdversary):
            raise ValueError(
                "`GeneratorGain` needs a method with a learned amplitude, "
                "such as DAT. Received: "
                f"{type(self.model.objective).__name__} with "
                f"{type(learned).__name__}"
            )
        constant = _Constant(learned)
        self._gain = tf.function(
            lambda: self._loss(learned) - self._loss(constant),
            autograph=False,
        )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures the gain and puts it into the logs."""
        if logs is not None:
            logs["generator_gain"] = float(self._gain())

    def _loss(self, adversary: AmplitudeAdversary) -> tf.Tensor:
        model = self.model
        key = BatchKey.of(model.seed, 0).fold_in("generator_gain")
        x, y = model.augment(self.x, self.y, key.fold_in("augment"))
        predict = Predictor(model.classifier).frozen()
        step = Step(predict, x, self.x, y, model.progress, key, adversary)
        views = model.objective.craft(step)
        trained = discarding_updates(model.classifier)
        return tf.add_n(list(model.objective.loss(trained, views, y).values()))
