"""Classifiers that read one frequency, and images away from the box's faces."""

import keras
import numpy as np
import pytest

SIZE = 8


def linear(kernel, threshold=0.0):
    """Two classes: whether the inner product with a kernel is above."""
    model = keras.Sequential(
        [
            keras.Input(kernel.shape),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    flat = kernel.reshape(-1)
    bias = np.array([threshold, -threshold])
    model.layers[-1].set_weights([np.stack([-flat, flat], 1), bias])
    return model


def bright_or_dark():
    """Reads frequency zero, whose phase never changes: class 1 if bright."""
    kernel = np.full((SIZE, SIZE, 1), 1 / SIZE**2, "f")
    return linear(kernel, threshold=0.5)


def images_beside_the_threshold(margins):
    """Grey images: one is wrong, the others lie `margins` from one half."""
    means = np.concatenate([[0.51], 0.5 - margins, 0.5 + margins])
    size = (len(means), SIZE, SIZE, 1)
    x = np.broadcast_to(means[:, None, None, None], size)
    count = len(margins)
    return x.astype("f"), np.repeat([0, 1], [1 + count, count])


@pytest.fixture
def mean_reader():
    """The reader of frequency zero."""
    return bright_or_dark()


@pytest.fixture
def phase_reader():
    """Reads the sign of `Re F(0, 1)`: a phase, whatever its amplitude."""
    wave = np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    return linear(np.tile(wave, (SIZE, 1))[..., None].astype("f"))


@pytest.fixture
def grey_images():
    """Twelve images whose means are 0.44 to 0.56, each a little textured."""
    means = np.linspace(0.44, 0.56, 12)[:, None, None, None]
    texture = np.random.default_rng(0).uniform(-0.05, 0.05, (12, SIZE, SIZE, 1))
    texture -= texture.mean((1, 2, 3), keepdims=True)
    x = (means + texture).astype("f")
    return x, (means.ravel() > 0.5).astype(int)
