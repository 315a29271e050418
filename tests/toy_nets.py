"""Nets with images that they judge, for attacks to work on."""

import keras
import numpy as np


def opinionated(shape):
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
    x = np.random.default_rng(4).uniform(size=(26, *shape)).astype("f")
    y = model(x).numpy().argmax(-1)
    y[::6] = (y[::6] + 1) % 5
    return model, x, y
