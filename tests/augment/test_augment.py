"""Crops and flips against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.augment import CropFlip, Unchanged
from dat_keras.core.random import BatchKey

MODES = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}


def images(batch=200, height=6, width=5, channels=2):
    rng = np.random.default_rng(0)
    return rng.random((batch, height, width, channels), np.float32)


def candidates(image, pad, mode):
    """Every crop of the padded image, flipped or not, by its settings."""
    height, width, _ = image.shape
    padded = np.pad(image, [(pad, pad), (pad, pad), (0, 0)], MODES[mode])
    crops = {
        (row, column): padded[row : row + height, column : column + width]
        for row in range(2 * pad + 1)
        for column in range(2 * pad + 1)
    }
    return {
        (*where, flip): crop[:, ::-1] if flip else crop
        for where, crop in crops.items()
        for flip in (False, True)
    }


@pytest.mark.parametrize("mode", MODES)
def test_every_result_is_a_crop_of_the_padded_image(mode, key):
    x, pad = images(20), 2
    changed, _ = CropFlip(pad, 0.5, mode)(x, tf.range(20), key)
    for before, after in zip(x, changed.numpy(), strict=True):
        expected = candidates(before, pad, mode).values()
        assert any(np.array_equal(after, image) for image in expected)


def test_offsets_and_flips_are_uniform_and_independent(key):
    x, pad = images(), 1
    changed, _ = CropFlip(pad)(x, tf.range(200), key)
    found = np.array(
        [
            next(
                where
                for where, image in candidates(before, pad, "CONSTANT").items()
                if np.array_equal(after, image)
            )
            for before, after in zip(x, changed.numpy(), strict=True)
        ]
    )
    for axis in (0, 1):
        counts = np.bincount(found[:, axis], minlength=3)
        # Four standard deviations of a third of 200.
        assert np.abs(counts - 200 / 3).max() < 27
    assert abs(found[:, 2].mean() - 0.5) < 0.15
    assert np.abs(np.corrcoef(found.T) - np.eye(3)).max() < 0.25


def test_flip_alone(key):
    x = images()
    flipped, _ = CropFlip(0, flip=1.0)(x, tf.range(200), key)
    np.testing.assert_array_equal(flipped, x[:, :, ::-1])
    same, _ = CropFlip(0, flip=0.0)(x, tf.range(200), key)
    np.testing.assert_array_equal(same, x)


@pytest.mark.parametrize("augment", [Unchanged(), CropFlip(2)])
def test_labels_and_shape_stay(augment, key):
    x, y = images(8), tf.range(8)
    changed, labels = augment(x, y, key)
    assert changed.shape == x.shape and changed.dtype == tf.float32
    np.testing.assert_array_equal(labels, y)


def test_unchanged_is_the_identity(key):
    x = images(4)
    np.testing.assert_array_equal(Unchanged()(x, tf.range(4), key)[0], x)


def test_same_key_same_crop_other_key_other_crop():
    x, y = images(), tf.range(200)
    first, again, other = (
        CropFlip(2)(x, y, BatchKey.of(0, step))[0].numpy() for step in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_gradient_goes_to_the_pixels_that_were_taken(key):
    x = tf.constant(images(20))
    weights = np.random.default_rng(1).random(x.shape, np.float32)
    augment = CropFlip(2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(augment(x, tf.range(20), key)[0] * weights)
    gradient = tape.gradient(total, x)
    # A crop is linear, so the gradient reproduces the value.
    np.testing.assert_allclose(tf.reduce_sum(gradient * x), total, rtol=1e-5)
    # Every taken pixel is taken once: no gradient is larger than its weight.
    assert gradient.numpy().max() <= weights.max()


def test_image_size_survives_a_batch_of_unknown_size(key):
    augment = tf.function(
        lambda x: CropFlip(2)(x, tf.zeros(tf.shape(x)[:1], tf.int32), key)[0],
        input_signature=[tf.TensorSpec((None, 8, 8, 3))],
    )
    spec = augment.get_concrete_function().structured_outputs
    assert spec.shape.as_list() == [None, 8, 8, 3]
