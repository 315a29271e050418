"""KerasCV's layers: keyed to the step, refused where they cannot be."""

import keras_cv
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.augment.keras_cv import KerasCV
from dat_keras.core.random import BatchKey

X = np.random.default_rng(0).random((4, 16, 16, 3)).astype("f")
Y = tf.constant([0, 1, 2, 3])
KEYED = ("GridMask", "RandomHue", "RandomSharpness", "ChannelShuffle")


def traced(augment):
    return tf.function(
        lambda step: augment(tf.constant(X), Y, BatchKey.of(0, step))[0],
        autograph=False,
    )


@pytest.mark.parametrize("name", KEYED)
def test_images_are_a_function_of_the_key(name):
    arguments = {"RandomHue": (("factor", 0.3),)}
    arguments["RandomSharpness"] = (("factor", 0.5),)
    one, two = (
        traced(KerasCV(name, arguments.get(name, ()))) for _ in range(2)
    )
    first, second = (one(tf.constant(i)).numpy() for i in (5, 6))
    assert first.tobytes() == one(tf.constant(5)).numpy().tobytes()
    # Another layer, in another process say, continues with the same images.
    assert second.tobytes() == two(tf.constant(6)).numpy().tobytes()
    assert (first != second).any() and first.shape == X.shape
    assert first.min() >= 0.0 and first.max() <= 1.0


def test_a_layer_without_randomness_equals_a_direct_call():
    layer = keras_cv.layers.Grayscale(output_channels=3)
    expected = np.array(layer(X))
    ours, y = KerasCV(layer)(tf.constant(X), Y, BatchKey.of(0, 0))
    np.testing.assert_allclose(ours, np.clip(expected, 0, 1), atol=1e-6)
    assert y is Y


@pytest.mark.parametrize("name", ["RandAugment", "AugMix"])
def test_layers_that_cannot_be_keyed_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` of KerasCV draws random"):
        traced(KerasCV(name))(tf.constant(0))


def test_unknown_layers_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'GridMask'"):
        traced(KerasCV("GridMaks"))(tf.constant(0))
