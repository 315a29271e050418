"""Where DAT's second amplitude comes from: a generator, or another image."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from dat_keras.core.random import Key
from dat_keras.core.replicas import Rows, built_for_several, gathered
from dat_keras.core.types import Images
from dat_keras.objectives.dat.generator_input import (
    CONDITIONS,
    Condition,
    no_condition,
)
from dat_keras.objectives.dat.generator_update import (
    GeneratorUpdate,
    reversed_gradient,
)
from dat_keras.objectives.step import (
    Adversary,
    Ascent,
    NoAdversary,
    Step,
    Views,
)

AMPLITUDE_SCALES: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "reference": lambda generated, own: generated,
    "match_mean": lambda generated, own: 2.0 * generated * own,
}
"""What the generator's numbers in (0, 1) mean, by name.

`reference` takes them as amplitudes, as published: next to an image's own
(DC in the hundreds) that mostly darkens. `match_mean` is an extension: they
scale the image's own amplitude, by 0 to 2 and by 1 on average.
"""


class AmplitudeGenerator(keras.Model):
    """Maps noise and a condition to an amplitude spectrum in (0, 1).

    Five dense layers with LeakyReLU(0.2) and, from the second on, BatchNorm
    on batch statistics. Its BatchNorm epsilon is 0.8, as published. Always
    float32.

    Args:
        image_shape: `(H, W, C)`.
        condition_length: Length `N` of the condition (see
            `generator_input.py`).
        latent: Length of the noise vector. Default 100, as published.
        resolution: If given, largest side of the spectrum that the last dense
            layer makes; it is interpolated to the image's size, low
            frequencies in the middle. Default: the image's, as published,
            which takes 3.9 million weights at 32 pixels, 155 million at 224.

    Example:
    >>> generator = AmplitudeGenerator((32, 32, 3), 10)
    >>> int(sum(v.shape.num_elements() for v in generator.trainable_weights))
    3856512

    Reference:
        [Li et al., 2024](https://arxiv.org/abs/2410.12307), Section 4.2.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        condition_length: int,
        latent: int = 100,
        resolution: int | None = None,
    ) -> None:
        super().__init__(name="amplitude_generator", dtype="float32")
        height, width, channels = image_shape
        self.condition_length, self.latent = condition_length, latent
        self.image_size = height, width
        if resolution is not None:
            height, width = min(height, resolution), min(width, resolution)
        stack = [_dense(0, 128), _leaky(0)]
        for i, units in enumerate((256, 512, 1024), start=1):
            stack += [_dense(i, units), _norm(i), _leaky(i)]
        stack += [
            _dense(4, channels * height * width, activation="sigmoid"),
            layers.Reshape(
                (channels, height, width), dtype="float32", name="spectrum"
            ),
        ]
        self.stack = keras.Sequential(stack, name="stack")
        self.stack.build((None, latent + condition_length))
        self.built = True

    def call(
        self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool | None = None
    ) -> tf.Tensor:
        """Returns amplitudes in (0, 1), shape `(B, C, H, W)`.

        Args:
            inputs: Noise `(B, latent)` and the condition `(B, N)`.
            training: Whether BatchNorm uses batch statistics.
        """
        spectrum = self.stack(tf.concat(inputs, axis=-1), training=training)
        if tuple(spectrum.shape[2:]) == self.image_size:
            return spectrum
        shifted = tf.transpose(spectrum, (0, 2, 3, 1))
        larger = tf.image.resize(shifted, self.image_size)
        return tf.signal.ifftshift(
            tf.transpose(larger, (0, 3, 1, 2)), axes=(-2, -1)
        )


class AmplitudeAdversary(Adversary):
    """DAT's generator with its own optimizer.

    Args:
        generator: Makes amplitudes from noise and the condition.
        optimizer: Moves the generator; built here, on its weights alone.
        update: Where the generator's gradient comes from.
        scale: Key of `AMPLITUDE_SCALES`.
        conditioning: The generator's conditioning input. Default: the
            images' logits, the paper's.
    """

    def __init__(
        self,
        generator: AmplitudeGenerator,
        optimizer: keras.optimizers.Optimizer,
        update: GeneratorUpdate,
        scale: str,
        conditioning: Condition = CONDITIONS["logits"],
    ) -> None:
        super().__init__(name="amplitude_adversary")
        self.generator = generator
        self.optimizer = optimizer
        self.optimizer.build(generator.trainable_variables)
        self.update = update
        self.scale = scale
        self.conditioning = conditioning
        self.built = True

    def condition(self, step: Step, x: Images) -> tf.Tensor:
        """Returns the conditioning input of images, shape `(B, N)`."""
        length = self.generator.condition_length
        return self.conditioning.of(step, x, length)

    def amplitude(
        self, own: tf.Tensor, condition: tf.Tensor, key: Key
    ) -> tf.Tensor:
        """Returns generated amplitudes, differentiable in the generator.

        Args:
            own: The images' own amplitudes, shape `(B, C, H, W)`.
            condition: What `condition` returned, shape `(B, N)`.
            key: Source of the noise; the same key gives the same amplitudes.
        """
        return self.drawn(own, condition, key)[0]

    def drawn(
        self, own: tf.Tensor, condition: tf.Tensor, key: Key
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what `amplitude` does, and the numbers before their scale.

        Both of shape `(B, C, H, W)`.
        """
        generated = self.generated(condition, key)
        return AMPLITUDE_SCALES[self.scale](generated, own), generated

    def generated(self, condition: tf.Tensor, key: Key) -> tf.Tensor:
        """Returns the generator's numbers in (0, 1), before their scale."""
        noise = key.normal((tf.shape(condition)[0], self.generator.latent))
        # Only batch statistics are ever used, so moving ones need no update.
        with keras.StatelessScope():
            return self.generator((noise, condition), training=True)

    @property
    def joint_weights(self) -> list[keras.Variable]:
        """The generator's weights if its update shares the pass."""
        if self.update.shares_pass:
            return self.generator.trainable_variables
        return []

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the views of the classifier's loss.

        Attached to the generator, with the gradient's sign reversed, if its
        update shares the pass; detached otherwise.
        """
        if self.update.shares_pass:
            return reversed_gradient(attach())
        return views

    def ascend(self, ascent: Ascent) -> None:
        """Moves the generator up the loss by one step."""
        weights = self.generator.trainable_variables
        self.optimizer.apply(self.update.descent(ascent, weights), weights)


class BorrowedAmplitude(NoAdversary):
    """The amplitude of another image of the batch, nothing learned.

    The paper's ablation without the generator.
    """

    def condition(self, step: Step, x: Images) -> tf.Tensor:
        """Returns vectors of length zero: another image needs no condition."""
        return no_condition(step, x, 0)

    def drawn(
        self, own: tf.Tensor, condition: tf.Tensor, key: Key
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the amplitudes of the batch, rolled by a random shift.

        Twice, as they have no other scale.
        """
        rows, batch = Rows.of(own), gathered(own)
        others = tf.cast(tf.shape(batch)[0] - 1, tf.float32)
        shift = 1 + tf.cast(key.shared.uniform((1,))[0] * others, tf.int32)
        rolled = tf.roll(batch, shift, axis=0)
        if rows is not None:
            rolled = rolled[rows.start : rows.start + rows.own]
        return rolled, rolled


def _dense(
    index: int, units: int, activation: str | None = None
) -> layers.Layer:
    return layers.Dense(
        units,
        activation=activation,
        kernel_initializer="glorot_normal",
        dtype="float32",
        name=f"dense{index}",
    )


def _norm(index: int) -> layers.Layer:
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=0.8,
        synchronized=built_for_several(),
        dtype="float32",
        name=f"norm{index}",
    )


def _leaky(index: int) -> layers.Layer:
    return layers.LeakyReLU(0.2, dtype="float32", name=f"leaky{index}")
