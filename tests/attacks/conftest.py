"""A linear model, on which minimal distances are known exactly."""

import numpy as np
import pytest
import tensorflow as tf

SHAPE = (5, 4, 2)


@pytest.fixture(scope="module")
def linear():
    """Logits `x W`, images far from the box, all correctly classified."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(40, 4)).astype("f")
    x = rng.uniform(0.45, 0.55, size=(30, *SHAPE)).astype("f")

    def predict(x, branch=0):
        return tf.reshape(x, (-1, 40)) @ kernel

    return predict, kernel, x, tf.argmax(predict(x), -1, tf.int32)
