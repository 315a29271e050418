"""The input adapter against the preprocessing that it stands for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.classifiers.input_adapter import PREPROCESSING, InputAdapter

IMAGES = np.random.default_rng(0).random((2, 6, 8, 3), np.float32)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_modes_are_those_of_keras_applications(mode):
    wanted = keras.applications.imagenet_utils.preprocess_input(
        255.0 * IMAGES, mode=mode, data_format="channels_last"
    )
    found = InputAdapter.of(mode)(IMAGES)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"antialias": True},
        {"interpolation": "nearest"},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True},
    ],
    ids=str,
)
def test_it_resizes_as_keras_resizing(options):
    wanted = keras.layers.Resizing(4, 4, **options)(IMAGES)
    found = InputAdapter(size=(4, 4), **options)(IMAGES)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_grey_images_become_three_equal_channels_before_the_scaling():
    adapter = InputAdapter(channels=3, scale=(1.0, 2.0, 4.0), offset=1.0)
    found = adapter(tf.fill((1, 2, 2, 1), 0.5))[0, 0, 0]
    assert found.numpy().tolist() == [1.5, 2.0, 3.0]


def test_channels_are_reversed_before_they_are_scaled():
    adapter = InputAdapter(scale=(1.0, 10.0, 100.0), reverse_channels=True)
    found = adapter(tf.constant([[[[1.0, 2.0, 3.0]]]]))[0, 0, 0]
    assert found.numpy().tolist() == [3.0, 20.0, 100.0]


@pytest.mark.parametrize("name", PREPROCESSING)
def test_gradients_reach_the_pixels(name):
    adapter = InputAdapter.of(name, size=(12, 16))
    x = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(adapter(x))
    # Bilinear weights of each output sum to 1: four outputs a pixel.
    factors = np.broadcast_to(adapter.scale, 3)[
        :: -1 if adapter.reverse_channels else 1
    ]
    found = tf.reduce_mean(tape.gradient(total, x), axis=[0, 1, 2])
    np.testing.assert_allclose(found, 4.0 * factors, rtol=1e-4)


def test_a_net_with_it_loads_in_safe_mode(tmp_path):
    image = keras.Input((6, 8, 1))
    adapter = InputAdapter.of("caffe", size=(3, 4), channels=3)
    net = keras.Model(image, keras.layers.Flatten()(adapter(image)))
    net.save(tmp_path / "net.keras")
    read = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    x = IMAGES[..., :1]
    np.testing.assert_array_equal(read(x), net(x))
    assert read.layers[1].settings == adapter.settings


def test_pixels_are_not_rounded_under_a_mixed_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = InputAdapter(scale=255.0)(IMAGES)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_array_equal(found, IMAGES * np.float32(255.0))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="C=1 or C=3"):
        InputAdapter(channels=3)(tf.zeros((1, 2, 2, 2)))
    with pytest.raises(ValueError, match="one for each of the 3 channels"):
        InputAdapter(scale=(1.0, 2.0))(IMAGES)
    with pytest.raises(ValueError, match="Unknown preprocessing"):
        InputAdapter.of("imagenet")
