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


class Each:
    """A network that is one function of images and a branch."""

    def __init__(self, function):
        self.function = function

    def __call__(self, x, branch=0):
        return self.function(x, branch)

    def abreast(self, images, branches):
        return list(map(self, images, branches))


IDENTITY = Each(lambda x, branch: x)
"""Its logits are its images."""


class TanhNet:
    """z = V tanh(W x), with its gradient written out; 24 pixels, 5 classes."""

    def __init__(self, seed, dtype="f"):
        rng = np.random.default_rng(seed)
        self.w = (rng.normal(size=(24, 16)) / 2).astype("f").astype(dtype)
        self.v = rng.normal(size=(16, 5)).astype("f").astype(dtype)

    def __call__(self, x, branch=0):
        return tf.tanh(tf.reshape(x, (-1, 24)) @ self.w) @ self.v

    def look(self, x, upstream):
        """Logits, and the gradient for a function of the logits."""
        hidden = np.tanh(x @ self.w)
        z = hidden @ self.v
        value, dz = upstream(z)
        return z, value, (dz @ self.v.T * (1 - hidden**2)) @ self.w.T


def assert_agree(ours, theirs, again, spare):
    """Two implementations differ no more than one of them with two seeds.

    Args:
        ours: Which samples ours breaks.
        theirs: Which samples the other implementation breaks.
        again: The same, with another seed.
        spare: How many more samples may differ.
    """
    mine, others = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    assert mine + others <= (theirs != again).sum() + spare
    # And neither of them is the stronger one.
    assert abs(mine - others) <= 3 * np.sqrt(mine + others) + 1
