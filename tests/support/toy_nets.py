"""Nets with images that they judge, for attacks to work on."""

import keras
import numpy as np
import tensorflow as tf

from dat_keras.architectures import (
    PreActResNet18,
    ResNet8,
    ResNet18,
    WideResNet28_10,
)

NETS = {
    "resnet8": lambda: ResNet8(5, width=4, branches=2),
    "mean_std": lambda: ResNet8(
        5, width=4, mean_std=([0.4] * 3, [0.2] * 3), branches=2
    ),
    "resnet18": lambda: ResNet18(5, width=4, branches=2),
    "preactresnet18": lambda: PreActResNet18(5, width=4, branches=2),
    "wrn": lambda: WideResNet28_10(5, width=1, branches=2),
}
"""Small twins of all architectures, with two branches."""


def lived_in(model):
    """The model with statistics and affine parameters as training leaves."""
    draw = np.random.default_rng(6)
    for v in model.variables:
        if len(v.shape) == 1:
            v.assign(draw.uniform(0.5, 1.5, v.shape))
    return model


def opinionated(shape, count=26):
    """A random net that is not linear, images, labels, one in six wrong."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, kernel_initializer="he_normal"),
        ]
    )
    x = np.random.default_rng(4).uniform(size=(count, *shape)).astype("f")
    y = model(x).numpy().argmax(-1)
    y[::6] = (y[::6] + 1) % 5
    return model, x, y


def noise(count):
    """Images of 8x8 pixels without a pattern, and labels of four classes."""
    x = np.random.default_rng(5).random((count, 8, 8, 3), np.float32)
    return x, np.arange(count) % 4


def fit(model, data, epochs=1, **settings):
    """Trains in batches of eight in their order; returns the history."""
    history = model.fit(
        *data, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **settings
    )
    return history.history


class Each:
    """A network that is one function of images and a branch."""

    def __init__(self, function):
        self.function = function

    def __call__(self, x, branch=0):
        return self.function(x, branch)


IDENTITY = Each(lambda x, branch: x)
"""Its logits are its images."""


class TanhNet:
    """`z = V tanh(W x)` in NumPy; keeps what an attack sees of it.

    Logits and gradients are computed one image at a time, in float64, and
    rounded once: no batch size, thread or instruction set shows in them.

    Attributes:
        images, logits: Of every forward pass, float32, one row an image.
        upstream, grads: Of every backward pass: gradients in the logits that
            came in, gradients in the pixels that went out.
    """

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.w = rng.normal(size=(24, 16)) / 2
        self.v = rng.normal(size=(16, 5))
        self.images, self.logits, self.upstream, self.grads = [], [], [], []

    def __call__(self, x, branch=0):
        @tf.custom_gradient
        def logits(x):
            z = tf.numpy_function(self._forward, [x], tf.float32)

            def backward(upstream):
                both = [x, upstream]
                grad = tf.numpy_function(self._backward, both, tf.float32)
                return tf.ensure_shape(grad, x.shape)

            return tf.ensure_shape(z, (x.shape[0], 5)), backward

        return logits(x)

    def _forward(self, x):
        flat = x.reshape(-1, 24)
        z = [np.tanh(row @ self.w) @ self.v for row in flat.astype("d")]
        self.images.append(flat)
        self.logits.append(np.array(z, "f"))
        return self.logits[-1]

    def _backward(self, x, upstream):
        rows = zip(x.reshape(-1, 24).astype("d"), upstream, strict=True)
        grads = [
            (dz @ self.v.T * (1 - np.tanh(row @ self.w) ** 2)) @ self.w.T
            for row, dz in rows
        ]
        self.upstream.append(upstream)
        self.grads.append(np.array(grads, "f"))
        return self.grads[-1].reshape(x.shape)


def assert_agree(ours, theirs, spare):
    """The number of images that an attack breaks is another package's.

    Which images these are is not compared: rounding decides at the boundary,
    and steps along the sign of a gradient amplify it.

    Args:
        ours: Which images ours breaks.
        theirs: Which images the other implementation breaks, by seed.
        spare: By how many images ours may leave the range of theirs.
    """
    counts = np.sum(theirs, axis=-1)
    assert counts.min() - spare <= np.sum(ours) <= counts.max() + spare
