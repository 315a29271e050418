"""KerasCV's layers: keyed to the step, equal to a direct call, or refused."""

import keras
import keras_cv
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.augment.keras_cv import KerasCV, _folded
from dat_keras.core.random import BatchKey

X = np.random.default_rng(0).random((4, 16, 16, 3)).astype("f")
Y = tf.constant([0, 1, 2, 3])
ARGUMENTS = {
    "GridMask": (),
    "ChannelShuffle": (),
    "RandomHue": (("factor", 0.3),),
    "RandomSharpness": (("factor", 0.5),),
    "RandomGaussianBlur": (("kernel_size", 3), ("factor", 1.0)),
    "AugMix": (),
}
SLOW = {
    "RandomCutout": (("height_factor", 0.5), ("width_factor", 0.5)),
    "RandAugment": (),
    "RandomShear": (("x_factor", 0.2),),
    "RandomColorJitter": (
        *(("brightness_factor", 0.3), ("contrast_factor", 0.3)),
        *(("saturation_factor", 0.3), ("hue_factor", 0.3)),
    ),
}
CASES = [
    *ARGUMENTS.items(),
    *(pytest.param(*case, marks=pytest.mark.thorough) for case in SLOW.items()),
]


def traced(augment):
    return tf.function(
        lambda step: augment(tf.constant(X), Y, BatchKey.of(0, step))[0],
        autograph=False,
    )


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_images_are_a_function_of_the_key(name, arguments):
    one, two = (traced(KerasCV(name, arguments)) for _ in range(2))
    first, second = (one(tf.constant(i)).numpy() for i in (5, 6))
    assert first.tobytes() == one(tf.constant(5)).numpy().tobytes()
    # Another layer, in another process say, continues with the same images.
    assert second.tobytes() == two(tf.constant(6)).numpy().tobytes()
    assert (first != second).any() and first.shape == X.shape
    assert first.min() >= 0.0 and first.max() <= 1.0


# Factors of one value leave only what the layer's own generator draws.
UNIT = ("value_range", (0.0, 1.0))
ONE_VALUE = {
    "GridMask": (("ratio_factor", (0.5, 0.5)), ("rotation_factor", 0.1)),
    "ChannelShuffle": (),
    "RandomHue": (("factor", (0.3, 0.3)), UNIT),
    "RandomSharpness": (("factor", (0.5, 0.5)), UNIT),
    "RandomCutout": (
        ("height_factor", (0.5,) * 2),
        ("width_factor", (0.5,) * 2),
    ),
}


@pytest.mark.parametrize(("name", "arguments"), ONE_VALUE.items())
def test_images_are_those_of_a_direct_call(name, arguments):
    key = BatchKey.of(0, 3)
    layer = getattr(keras_cv.layers, name)(**dict(arguments))
    generator = tf.random.Generator.from_seed(0, alg="philox")
    generator.reset_from_key_counter(_folded(key.seed), tf.zeros(2, tf.int64))
    for part in layer._flatten_layers():
        part._random_generator = generator
    expected = tf.function(layer)(tf.constant(X), training=True)
    ours, y = KerasCV(name, arguments)(tf.constant(X), Y, key)
    assert y is Y and (expected != X).numpy().any()
    np.testing.assert_allclose(ours, np.clip(expected, 0, 1), atol=1e-6)


def test_a_layer_without_randomness_equals_a_direct_call():
    layer = keras_cv.layers.Grayscale(output_channels=3)
    expected = np.array(layer(X))
    ours, y = KerasCV(layer)(tf.constant(X), Y, BatchKey.of(0, 0))
    np.testing.assert_allclose(ours, np.clip(expected, 0, 1), atol=1e-6)
    assert y is Y


def test_augmix_mixes_with_weights_of_its_distributions():
    augment = KerasCV("AugMix")
    layer, generator = augment._keyed
    generator.reset_from_seed(0)
    weights = layer._sample_from_dirichlet(tf.ones((4000, 3))).numpy()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    # Dirichlet(1, 1, 1): mean 1/3, variance 1/18; Beta(1, 1) is uniform.
    np.testing.assert_allclose(weights.mean(0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(weights.var(0), 1 / 18, atol=0.005)
    shares = layer._sample_from_beta(tf.ones(4000), tf.ones(4000)).numpy()
    assert shares.mean() == pytest.approx(1 / 2, abs=0.02)
    assert shares.var() == pytest.approx(1 / 12, abs=0.01)


class Noise(keras.layers.Layer):
    """Draws from TensorFlow's own state, which nothing resets."""

    def call(self, x, training=False):
        return x + 0.1 * tf.random.normal(tf.shape(x))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Noise(), "`Noise` of KerasCV draws random"),
        (keras.layers.RandomBrightness(0.2), "a state of its own"),
        ("Grayscale", r"\(4, 16, 16, 3\) to \(4, 16, 16, 1\)"),
        ("GridMaks", "Did you mean 'GridMask'"),
    ],
)
def test_layers_that_cannot_be_used_are_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        traced(KerasCV(layer))(tf.constant(0))
