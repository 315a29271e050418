"""Keras callback: adversarial and recombined images for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.core.types import Images, Labels
from dat_keras.objectives.dat.generator import (
    AmplitudeAdversary,
    BorrowedAmplitude,
)
from dat_keras.objectives.step import Step
from dat_keras.spectral import amplitude_phase, recombine
from dat_keras.utils.packages import check_installed

RATIOS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the generated amplitude that are logged."""


class AdversarialImages(keras.callbacks.Callback):
    """Logs images, what an attack makes of them, and DAT's recombined ones.

    After the first epoch, every few epochs and after the last it writes for
    TensorBoard, as images of that epoch:

    - `x` and `x_adv`;
    - `difference`: `0.5 + 0.5 (x_adv - x) / max |x_adv - x|`, by image;
    - if the method has an amplitude of its own (DAT, `pgd-at+aag`,
      `trades+aag`), `recombined/<ratio>`: `clip(F^-1(A_mix, P(x)), 0, 1)`
      with `A_mix = ratio * A_G + (1 - ratio) * A(x)`; and `amplitude`, the
      mean of `log(1 + A_G)` over channels by its largest value, frequency
      zero in the middle.

    No variable changes and the draws have a key of their own, so training
    ends with the same bits with it or without.

    Args:
        folder: Where TensorBoard reads logs.
        x: Images in `[0, 1]`, shape `(N, H, W, C)`, un-augmented; a few do.
            Of other than 1, 3 or 4 channels the first is shown.
        y: Class ids, shape `(N,)`.
        every: Epochs from one writing to the next.
        attack: What makes `x_adv`. Default: the model's `eval_attack`.
        ratios: Shares of the generated amplitude, in `[0, 1]`. Default: from
            a quarter to all of it, the range of DAT's draws.

    Raises:
        MissingPackageError: If TensorBoard is not installed.
        ValueError: If an argument is out of range.

    Example:
    >>> import tempfile
    >>> x, y = tf.zeros((2, 8, 8, 3)), tf.zeros(2, tf.int32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images = AdversarialImages(folder, x, y, every=3)
    >>> [epoch for epoch in range(8) if images.is_due(epoch, epochs=8)]
    [0, 3, 6, 7]
    """

    def __init__(
        self,
        folder: Path | str,
        x: Images,
        y: Labels,
        *,
        every: int = 5,
        attack: Attack | None = None,
        ratios: Sequence[float] = RATIOS,
    ) -> None:
        super().__init__()
        check_installed("tensorboard", "logged images", "tensorboard")
        if every < 1:
            raise ValueError(f"`every` must be at least 1. Received: {every}")
        if not ratios or not all(0.0 <= ratio <= 1.0 for ratio in ratios):
            raise ValueError(
                "`ratios` must be one or more numbers in [0, 1]. "
                f"Received: {ratios}"
            )
        self.x = tf.convert_to_tensor(x, tf.float32)
        self.y = tf.cast(y, tf.int32)
        if not len(self.x) or len(self.x) != len(self.y):
            raise ValueError(
                "`x` must hold at least one image, `y` one label for each. "
                f"Received: {len(self.x)} images, {len(self.y)} labels"
            )
        self.folder = Path(folder)
        self.every = every
        self.attack = attack
        self.ratios = tuple(ratios)

    def is_due(self, epoch: int, epochs: int) -> bool:
        """Whether an epoch of a training is written.

        Args:
            epoch: The epoch, from 0.
            epochs: Their number.
        """
        return epoch % self.every == 0 or epoch == epochs - 1

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Opens the log, and refuses a model that is not in training here."""
        if not hasattr(self.model, "eval_attack"):
            raise ValueError(
                "`AdversarialImages` needs an `AdversarialModel`. Received: "
                f"{type(self.model).__name__}"
            )
        self._writer = tf.summary.create_file_writer(str(self.folder))
        self._make = tf.function(self._images, autograph=False)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes the images of an epoch that is due."""
        if not self.is_due(epoch, self.params.get("epochs", 0)):
            return
        with self._writer.as_default():
            for name, images in self._make().items():
                tf.summary.image(name, images, epoch, len(self.x))
        self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the log."""
        self._writer.close()

    def _images(self) -> dict[str, Images]:
        model, x = self.model, self.x
        key = BatchKey.of(model.seed, 0).fold_in("adversarial_images")
        predict = Predictor(model.classifier).frozen()
        attack = self.attack or model.eval_attack
        x_adv = attack(predict, x, self.y, key.fold_in("attack"))
        change = x_adv - x
        largest = tf.reduce_max(tf.abs(change), (1, 2, 3), keepdims=True)
        made = {
            "x": x,
            "x_adv": x_adv,
            "difference": 0.5 + 0.5 * tf.math.divide_no_nan(change, largest),
        }
        adversary = model.adversary.of_method()
        if isinstance(adversary, (AmplitudeAdversary, BorrowedAmplitude)):
            step = Step(predict, x, x, self.y, model.progress, key, adversary)
            own, phase = amplitude_phase(x)
            condition = adversary.condition(step, x)
            generated, _ = adversary.drawn(own, condition, key)
            for ratio in self.ratios:
                mixed = ratio * generated + (1 - ratio) * own
                made[recombined_tag(ratio)] = recombine(mixed, phase)
            made["amplitude"] = _spectrum(generated)
        return {
            name: tf.clip_by_value(_shown(images), 0.0, 1.0)
            for name, images in made.items()
        }


def recombined_tag(ratio: float) -> str:
    """Returns the name by which images of a ratio are logged.

    Example:
    >>> recombined_tag(0.25)
    'recombined/0.25'
    """
    return f"recombined/{ratio:g}"


def _spectrum(amplitude: tf.Tensor) -> Images:
    """The mean of `log(1 + A)` over channels, at most 1, as grey images."""
    logs = tf.reduce_mean(tf.math.log1p(amplitude), 1)
    largest = tf.reduce_max(logs, (1, 2), keepdims=True)
    scaled = tf.math.divide_no_nan(logs, largest)
    return tf.signal.fftshift(scaled, (1, 2))[..., tf.newaxis]


def _shown(images: Images) -> Images:
    """Images of 1, 3 or 4 channels, which TensorBoard draws."""
    return images if images.shape[-1] in (1, 3, 4) else images[..., :1]
