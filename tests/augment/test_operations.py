"""Colour and geometry against the Python Imaging Library."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from dat_keras.augment import color, geometry
from dat_keras.augment.operations import operations, pick

STRENGTHS = (0.3, 1.0, 1.7)


@pytest.fixture(scope="module")
def levels():
    """Three 16x16 images: noise, a narrow range, a dark ramp."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (16, 16, 3))
    narrow = rng.integers(90, 140, (16, 16, 3))
    ramp = np.arange(16)[:, None, None] * np.array([7, 3, 11]) + np.zeros(
        (16, 16, 3), int
    )
    return np.stack([noise, narrow, ramp]).astype(np.uint8)


def run(operation, levels, strength):
    x = tf.constant(levels / 255.0, tf.float32)
    strength = tf.fill((3,), float(strength))
    return np.asarray(operation(x, strength)) * 255.0


def pil(function, levels):
    return np.stack([np.asarray(function(Image.fromarray(i))) for i in levels])


def assert_levels(ours, theirs, tolerance, share=1.0):
    close = np.abs(ours - theirs.astype(float)) <= tolerance
    assert close.mean() >= share


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (color.color, ImageEnhance.Color),
        (color.contrast, ImageEnhance.Contrast),
        (color.brightness, ImageEnhance.Brightness),
        (color.sharpness, ImageEnhance.Sharpness),
    ],
)
@pytest.mark.parametrize("factor", STRENGTHS)
def test_blends(ours, theirs, factor, levels):
    made = run(lambda x, s: ours(x, s[:, None, None, None]), levels, factor)
    expected = pil(lambda image: theirs(image).enhance(factor), levels)
    assert_levels(made, expected, 1.5)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("autocontrast", ImageOps.autocontrast),
        ("equalize", ImageOps.equalize),
        ("invert", ImageOps.invert),
        ("solarize", lambda image: ImageOps.solarize(image, 128)),
        ("posterize", lambda image: ImageOps.posterize(image, 5)),
    ],
)
def test_level_maps(name, theirs, levels):
    strength = {"solarize": 128.0, "posterize": 5.0}.get(name, 0.0)
    made = run(operations(16)[name].apply, levels, strength)
    assert_levels(made, pil(theirs, levels), 1.01)


def transform(matrix):
    return lambda image: image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BICUBIC,
        fillcolor=(128, 128, 128),
    )


@pytest.mark.parametrize("amount", [-0.3, 0.1, 0.25])
def test_shears_and_translations_are_bicubic(amount, levels):
    table = operations(16)
    far = amount * 20
    for name, strength, matrix in (
        ("shear_x", amount, (1, amount, 0, 0, 1, 0)),
        ("shear_y", amount, (1, 0, 0, amount, 1, 0)),
        ("translate_x", far, (1, 0, far, 0, 1, 0)),
        ("translate_y", far, (1, 0, 0, 0, 1, far)),
    ):
        made = run(table[name].apply, levels, strength)
        assert_levels(made, pil(transform(matrix), levels), 1.01, 0.99)


@pytest.mark.parametrize("degrees", [-9, 4, 30])
def test_rotation_is_nearest(degrees, levels):
    made = run(operations(16)["rotate"].apply, levels, degrees)
    expected = pil(
        lambda image: image.rotate(degrees, fillcolor=(128, 128, 128)), levels
    )
    # A source on the border between two pixels may fall to either.
    assert_levels(made, expected, 0.01, 0.99)


def test_neutral_strengths_change_nothing(levels):
    x = tf.constant(levels / 255.0, tf.float32)
    for name in ("shear_x", "translate_y", "rotate", "color", "sharpness"):
        operation = operations(16)[name]
        same = operation.apply(x, tf.fill((3,), operation.neutral))
        np.testing.assert_allclose(same, x, atol=1e-6)


def test_a_constant_channel_stays():
    x = tf.fill((2, 8, 8, 3), 0.4)
    for function in (color.equalize, color.autocontrast):
        np.testing.assert_allclose(function(x, x), x, atol=2e-3)


def test_whole_offsets_copy_pixels(levels):
    x = tf.constant(levels / 255.0, tf.float32)
    moved = geometry.slide(x, tf.fill((3, 16), 2.0), 0.0).numpy()
    np.testing.assert_array_equal(moved[:, :, :14], x[:, :, 2:])
    assert not moved[:, :, 14:].any()


def test_sheared_rows_move_about_the_middle(levels):
    x = tf.constant(levels / 255.0, tf.float32)
    angle = 0.15
    moved = geometry.shear_x_nearest(x, tf.fill((3,), angle), 0.0).numpy()
    for row in range(16):
        shift = int(np.round(np.tan(angle) * (row - 7.5)))
        expected = np.zeros((3, 16, 3), np.float32)
        for column in range(16):
            if 0 <= column + shift < 16:
                expected[:, column] = x[:, row, column + shift]
        np.testing.assert_array_equal(moved[:, row], expected)


def test_each_image_gets_its_own_operation(levels):
    x = tf.constant(levels / 255.0, tf.float32)
    table = [lambda x, s: x + s[:, None, None, None], lambda x, s: 0.0 * x]
    made = pick(x, tf.constant([-1, 0, 1]), tf.constant([9.0, 0.5, 9.0]), table)
    np.testing.assert_array_equal(made[0], x[0])
    np.testing.assert_allclose(made[1], x[1] + 0.5)
    assert not made[2].numpy().any()
