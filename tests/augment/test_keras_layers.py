"""Our augmentations against `transform_images` of Keras' layers.

Both get the same numbers: those of a key, drawn here as the augmentation
draws them, or a strength.
"""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.augment import CutMix, MixUp, RandomErasing
from dat_keras.augment.base import integers
from dat_keras.augment.operations import operations
from dat_keras.core.random import BatchKey

BATCH, HEIGHT, WIDTH, CLASSES = 16, 12, 10, 5
KEY = BatchKey.of(0, 7)


@pytest.fixture(scope="module")
def levels():
    """Images of 8 bits as floats from 0 to 255: noise, and a narrow range."""
    rng = np.random.default_rng(0)
    shape = (BATCH // 2, HEIGHT, WIDTH, 3)
    both = rng.integers(0, 256, shape), rng.integers(90, 140, shape)
    return np.concatenate(both).astype("f")


@pytest.fixture(scope="module")
def labels():
    return tf.range(BATCH) % CLASSES


def partners():
    """The order in which images meet others: a draw of one number each."""
    return np.argsort(KEY.fold_in("partner").uniform((BATCH,)))


def rectangles(top, left, height, width):
    """Masks that are true in a rectangle of each image, clipped."""
    masks = np.zeros((BATCH, HEIGHT, WIDTH, 3), bool)
    for mask, *edges in zip(masks, top, left, height, width, strict=True):
        y, x, h, w = map(int, edges)
        mask[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = True
    return masks


def test_mixup_is_keras_mixup(levels, labels):
    x = levels / 255
    transformation = {
        "mix_weight": KEY.fold_in("share").uniform((BATCH, 1))[:, 0],
        "permutation_order": partners(),
    }
    layer = keras.layers.MixUp()
    made, mixed = MixUp(CLASSES)(tf.constant(x), labels, KEY)
    expected = layer.transform_images(x, transformation)
    np.testing.assert_allclose(made, expected, atol=1e-6)
    one_hot = tf.one_hot(labels, CLASSES)
    expected = layer.transform_labels(one_hot, transformation)
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


def test_cutmix_is_keras_cutmix(levels, labels):
    x = levels / 255
    share = KEY.fold_in("share").uniform((BATCH, 1)).numpy()
    sides = np.array([HEIGHT, WIDTH])
    height, width = np.floor(np.sqrt(1 - share) * sides).astype(int).T
    y, left = integers(KEY.fold_in("place"), (BATCH, 2), sides).numpy().T
    masks = rectangles(y - height // 2, left - width // 2, height, width)
    transformation = {
        "batch_masks": masks,
        "mix_weight": 1 - masks[..., 0].mean((1, 2), dtype="f"),
        "permutation_order": partners(),
    }
    layer = keras.layers.CutMix()
    made, mixed = CutMix(CLASSES)(tf.constant(x), labels, KEY)
    expected = layer.transform_images(x, transformation)
    np.testing.assert_array_equal(made, expected)
    one_hot = tf.one_hot(labels, CLASSES)
    expected = layer.transform_labels(one_hot, transformation)
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    assert 0 < masks.mean() < 1


def test_random_erasing_is_keras_random_erasing(levels, labels):
    x = levels / 255
    augment = RandomErasing(0.5)
    area = KEY.fold_in("area").uniform((BATCH, 1), *augment.area).numpy()
    logs = [math.log(a) for a in augment.aspect]
    aspect = np.exp(KEY.fold_in("aspect").uniform((BATCH, 1), *logs))
    root = np.sqrt(area * HEIGHT * WIDTH)
    size = np.concatenate([root * aspect**0.5, root / aspect**0.5], 1)
    size = np.clip(np.round(size).astype(int), 1, [HEIGHT, WIDTH])
    room = np.array([HEIGHT, WIDTH]) - size + 1
    corner = integers(KEY.fold_in("place"), (BATCH, 2), room).numpy()
    fires = KEY.fold_in("fires").uniform((BATCH, 1))[:, 0] < 0.5
    transformation = {
        "batch_masks": rectangles(*corner.T, *size.T),
        "apply_erasing": fires,
        "fill_value": 0.0,
    }
    made, _ = augment(tf.constant(x), labels, KEY)
    layer = keras.layers.RandomErasing(fill_value=0.0)
    expected = layer.transform_images(x, transformation)
    np.testing.assert_array_equal(made, expected)
    assert 0 < fires.numpy().mean() < 1 and (made != x).numpy().any()


def each(value, *shape, dtype="f"):
    return np.full((BATCH, *shape), value, dtype)


GREY = {"fill_mode": "constant", "fill_value": 128.0}
OPERATIONS = {
    "invert": (
        0,
        keras.layers.RandomInvert(1.0),
        {"apply_inversion": each(True)},
    ),
    "solarize": (
        100,
        keras.layers.Solarization(),
        {"thresholds": each(100, 1, 1, 1), "additions": each(0, 1, 1, 1)},
    ),
    "posterize": (
        5,
        keras.layers.RandomPosterization(5),
        {"shift_factor": each(3, dtype="uint8")},
    ),
    "autocontrast": (0, keras.layers.AutoContrast(), None),
    "color": (
        0.4,
        keras.layers.RandomColorDegeneration(1.0),
        {"factor": each(0.6, 1, 1, 1)},
    ),
    "sharpness": (
        0.4,
        keras.layers.RandomSharpness(1.0),
        {"factor": each(0.2)},
    ),
    "translate_x": (
        2,
        keras.layers.RandomTranslation(0.0, 1.0, **GREY),
        {"translations": each([-2, 0], 2)},
    ),
    "translate_y": (
        -3,
        keras.layers.RandomTranslation(1.0, 0.0, **GREY),
        {"translations": each([0, 3], 2)},
    ),
}
"""Strength, Keras' layer for 256 levels, and its transformation."""


# Of the operations of AutoAugment and RandAugment those that Keras defines
# alike. Its contrast is about each channel's mean, its brightness adds, its
# equalization is a fraction of the histogram, its affine maps are bilinear.
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_those_of_keras_layers(name, levels):
    strength, layer, transformation = OPERATIONS[name]
    strengths = tf.fill((BATCH,), float(strength))
    made = operations(WIDTH)[name].apply(tf.constant(levels / 255), strengths)
    made = 255 * made.numpy()
    expected = layer.transform_images(tf.constant(levels), transformation)
    # Ours leaves the border of a sharpened image alone, Keras pads it. The
    # weights of grey have three digits here, four in TensorFlow.
    inner = slice(1, -1) if name == "sharpness" else slice(None)
    tolerance = 0.05 if name == "color" else 1e-3
    np.testing.assert_allclose(
        made[:, inner, inner], expected[:, inner, inner], atol=tolerance
    )
    assert abs(made - levels).max() > 1
