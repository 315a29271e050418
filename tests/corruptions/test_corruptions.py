"""Corruptions against NumPy references written from their definitions."""

import io

import corruption_references
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dat_keras.cli._names import CORRUPTIONS as NAMES
from dat_keras.core.random import RowKey
from dat_keras.corruptions import (
    CORRUPTIONS,
    STANDARD,
    blur,
    digital,
    extra,
    noise,
    plasma,
    resampling,
    weather,
    wet_surface,
)
from dat_keras.corruptions.corrupt import corrupt

KEY = RowKey.of(3, [0, 1])


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((2, 9, 12, 3)).astype("f")


def test_names_of_the_command():
    assert tuple(CORRUPTIONS) == NAMES
    assert len(STANDARD) == 15


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_rows_do_not_depend_on_their_batch(name, x):
    both = corrupt(x, name, 3, seed=1)
    alone = corrupt(x[1:], name, 3, seed=1, positions=[1])
    np.testing.assert_allclose(both[1:], alone, atol=1e-6)
    assert both.shape == x.shape and 0 <= both.min() and both.max() <= 1
    assert (both != x).any()


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("table", ["tiny_imagenet", "imagenet"])
def test_every_table_has_five_severities(name, table):
    corruption = CORRUPTIONS[name]
    sizes = {len(row) for row in getattr(corruption, table)}
    assert len(getattr(corruption, table)) == len(corruption.cifar10) == 5
    assert sizes == {len(corruption.cifar10[0])}


def test_impulses_are_rare_zeros_and_ones():
    grey = np.full((1, 200, 200, 1), 0.5, "f")
    noisy = noise.impulse_noise(tf.constant(grey), RowKey.of(0, [0]), 0.1)
    shares = [float(np.mean(noisy == value)) for value in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [0.05, 0.9, 0.05], atol=0.01)


def test_photons_have_the_variance_of_poisson():
    grey = tf.fill((1, 200, 200, 1), 0.5)
    counted = noise.shot_noise(grey, RowKey.of(0, [0]), 50.0).numpy()
    np.testing.assert_allclose(counted.mean(), 0.5, atol=2e-3)
    np.testing.assert_allclose(counted.var(), 0.5 / 50, rtol=0.05)


def test_a_copy_of_neighbours_is_that_of_a_scan():
    height, width, reach = 11, 9, 2
    draw = np.random.default_rng(1)
    x = draw.random((1, height, width, 3)).astype("f")
    moves = draw.integers(-reach, reach, (1, height, width, 2))
    expected = x[0].copy()
    for h in range(height - reach, reach, -1):
        for w in range(width - reach, reach, -1):
            down, right = moves[0, h, w]
            expected[h, w] = expected[h + down, w + right]
    found = blur._moved(tf.constant(x), tf.constant(moves, tf.int32), reach)
    np.testing.assert_array_equal(found[0], expected)


def test_motion_reads_along_the_line():
    x = np.random.default_rng(1).random((1, 7, 8, 1)).astype("f")
    weights = np.exp(-0.5 * (np.arange(7) / 2.0) ** 2)
    weights /= weights.sum()
    found = resampling.motion(tf.constant(x), 3, 2.0, tf.constant([90.0]))
    for row in (0, 4):
        rows = np.minimum(row + np.arange(7), 6)
        np.testing.assert_allclose(
            found[0, row, :, 0], weights @ x[0, rows, :, 0], atol=1e-6
        )


def smoothed_sum(radius, softness):
    """Sum of a disk of sum 1 after OpenCV's blur, which mirrors at borders."""
    reach, taps = (8, 3) if radius <= 8 else (int(radius), 5)
    line = np.arange(-reach, reach + 1)
    disk = np.hypot(*np.meshgrid(line, line)) <= radius
    offsets = np.arange(taps) - taps // 2
    bell = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * softness**2))
    wide = np.pad(disk / disk.sum(), taps // 2, mode="reflect")
    size = len(line)
    return sum(
        bell[i, j] / bell.sum() * wide[i : i + size, j : j + size].sum()
        for i in range(taps)
        for j in range(taps)
    )


def test_a_disk_keeps_grey_and_reflects_at_the_border():
    grey = tf.fill((1, 10, 10, 1), 0.3)
    for radius, softness in blur.DEFOCUS_BLUR.imagenet:
        soft = blur.defocus_blur(grey, KEY, radius, softness)
        total = smoothed_sum(radius, softness)
        # Only a disk that reaches the border of its kernel gains there.
        assert 1.0 <= total + 1e-9 and (total < 1 + 1e-9) == (radius < 7)
        np.testing.assert_allclose(soft, grey * total, atol=1e-6)
    disk = blur._disk(1.0, 0.01)[7:10, 7:10]
    np.testing.assert_allclose(
        disk,
        np.array([[0, 1, 0]] * 3) / 5 + [[0, 0, 0], [0.2, 0, 0.2], [0, 0, 0]],
        atol=1e-6,
    )


def test_zoom_by_one_is_the_identity(x):
    np.testing.assert_allclose(
        blur.zoom_blur(tf.constant(x), KEY, 0.0, 3), x, atol=1e-6
    )


def test_clouds_are_diamonds_and_squares():
    key = RowKey.of(0, [5])

    def draw(n):
        return key.fold_in(n).uniform((1, 3, n, n), -1.0, 1.0)[0].numpy()

    found = plasma.plasma(tf.zeros((1, 8, 6, 1)), key, 2.0)[0, ..., 0]
    expected = corruption_references.plasma(8, draw, 2.0)
    np.testing.assert_allclose(found, expected[:, :6], atol=1e-5)


def test_fog_keeps_black_and_the_brightest_value(x):
    foggy = weather.fog(tf.constant(x), KEY, 0.5, 3.0).numpy()
    cloud = plasma.plasma(tf.constant(x), KEY, 3.0).numpy()
    most = x.max((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(
        foggy, (x + 0.5 * cloud) * most / (most + 0.5), atol=1e-6
    )


def test_brightness_moves_the_largest_channel(x):
    brighter = weather.brightness(tf.constant(x), KEY, 0.2).numpy()
    np.testing.assert_allclose(
        brighter.max(-1), np.minimum(x.max(-1) + 0.2, 1.0), atol=1e-5
    )


def test_contrast_scales_the_distance_from_the_mean(x):
    mean = x.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(
        digital.contrast(tf.constant(x), KEY, 0.4),
        (x - mean) * 0.4 + mean,
        atol=1e-6,
    )


@pytest.mark.parametrize("share", [0.95, 0.65, 0.3])
def test_pixels_are_those_of_pillow(share):
    x = np.random.default_rng(2).integers(0, 256, (32, 32), np.uint8)
    small = (int(32 * share),) * 2
    image = Image.fromarray(x).resize(small, Image.BOX)
    expected = np.asarray(image.resize((32, 32), Image.BOX)) / 255
    found = digital.pixelate(
        tf.constant(x / 255, tf.float32)[None, ..., None], KEY, share
    )
    np.testing.assert_allclose(found[0, ..., 0], expected, atol=1.01 / 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_near_that_of_pillow(channels):
    x = np.random.default_rng(2).integers(90, 160, (16, 16, channels), np.uint8)
    file = io.BytesIO()
    Image.fromarray(x.squeeze()).save(file, "JPEG", quality=60)
    expected = np.asarray(Image.open(file)).reshape(x.shape) / 255
    found = digital.jpeg_compression(
        tf.constant(x[None] / 255, tf.float32), KEY, 60
    )
    assert np.abs(found[0] - expected).mean() < 2 / 255


def test_an_elastic_transform_without_moves_is_the_identity(x):
    np.testing.assert_allclose(
        digital.elastic_transform(tf.constant(x), KEY, 0.0, 0.0, 0.0),
        x,
        atol=1e-5,
    )


def test_an_affine_map_takes_moved_points_back():
    moves = tf.constant([[[0.5, -1.0], [0.2, 0.3], [-0.4, 0.1]]])
    inverse = digital._inverse(tf.zeros((1, 12, 12, 1)), moves)[0]
    points = np.array([[10, 10], [2, 10], [2, 2]])
    moved = np.c_[points + moves[0], np.ones(3)]
    np.testing.assert_allclose(moved @ np.transpose(inverse), points, atol=1e-4)


def test_distance_to_the_border_of_a_region():
    inside = np.zeros((1, 9, 9, 1), bool)
    inside[0, 2:7, 2:7] = True
    distance = wet_surface.near_edge(tf.constant(inside))[0, ..., 0]
    np.testing.assert_allclose(distance[4, 4], 2.0)
    np.testing.assert_allclose(distance[0, 0], np.sqrt(8.0))
    np.testing.assert_allclose(distance[2, 4], 0.0)


def test_levels_are_spread_evenly():
    x = np.array([0, 0, 1, 3]).reshape(1, 2, 2, 1)
    found = wet_surface.equalized(tf.constant(x, tf.float32))
    assert found.numpy().ravel().tolist() == [0.0, 0.0, 128.0, 255.0]


def test_saturation_0_is_the_value_and_grey_stays(x):
    flat = extra.saturate(tf.constant(x), KEY, 0.0, 0.0)
    np.testing.assert_allclose(
        flat, np.repeat(x.max(-1, keepdims=True), 3, -1), atol=1e-5
    )
    grey = tf.constant(x[..., :1])
    np.testing.assert_array_equal(extra.saturate(grey, KEY, 2.0, 0.2), grey)


@pytest.mark.parametrize(
    "change",
    [
        {"severity": 6},
        {"severity": True},
        {"corruption": "smog"},
        {"images": np.zeros((1, 4, 4, 2), "f")},
        {"images": np.zeros((1, 4, 4, 3), np.uint8)},
        {"images": np.full((1, 4, 4, 3), 2.0)},
        {"positions": [1, 2, 3]},
        {"table": "svhn"},
        {"batch_size": 0},
    ],
)
def test_what_cannot_be_done_is_refused(change, x):
    with pytest.raises(ValueError) as error:
        corrupt(**{"images": x, "corruption": "contrast", **change})
    assert "\n" not in str(error.value)
