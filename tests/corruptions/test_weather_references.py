"""Snow, frost and spatter against NumPy: all severities, the same draws."""

import corruption_references as reference
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.random import RowKey
from dat_keras.corruptions import CORRUPTIONS

KEY = RowKey.of(5, [2, 7])
SHAPES = {"cifar10": (16, 24), "imagenet": (31, 20)}
"""Sizes of images by the table of parameters that is applied to them."""


def images_of(table, channels):
    draw = np.random.default_rng(channels)
    x = draw.random((2, *SHAPES[table], channels)).astype("f")
    # Dark, bright and plain images are whitened and clipped differently.
    return x * np.reshape([0.3, 1.0], (2, 1, 1, 1)).astype("f")


def normal(key, table):
    """The field of noise of each image that the corruption draws."""
    return key.normal((2, *SHAPES[table], 1)).numpy()[..., 0].astype(float)


def snow(x, table, parameters, **options):
    noise = normal(KEY.fold_in("flakes"), table)
    angles = KEY.fold_in("angle").uniform((2,), -135.0, -45.0).numpy()
    return [
        reference.snow(image, parameters, field, float(angle), **options)
        for image, field, angle in zip(x, noise, angles, strict=True)
    ]


def frost(x, table, parameters):
    def draw_of(row):
        return lambda n: (
            KEY.fold_in(n).uniform((2, 3, n, n), -1.0, 1.0)[row].numpy()
        )

    return [
        reference.frost(image, parameters, draw_of(row))
        for row, image in enumerate(x)
    ]


def spatter(x, table, parameters):
    return [
        reference.spatter(image, parameters, field)
        for image, field in zip(x, normal(KEY, table), strict=True)
    ]


REFERENCES = {"snow": snow, "frost": frost, "spatter": spatter}


def both(name, table, channels, severity, **options):
    """The corruption, the reference and the images."""
    x = images_of(table, channels)
    found = CORRUPTIONS[name](tf.constant(x), KEY, severity, table).numpy()
    parameters = getattr(CORRUPTIONS[name], table)[severity - 1]
    expected = REFERENCES[name](x.astype(float), table, parameters, **options)
    return found, np.stack(expected), x


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("table", SHAPES)
@pytest.mark.parametrize("name", ["snow", "frost"])
def test_weather_is_that_of_numpy(name, table, channels, severity):
    found, expected, x = both(name, table, channels, severity)
    np.testing.assert_allclose(found, expected, atol=5e-5)
    assert np.abs(expected - x).max() > 0.05


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("table", SHAPES)
def test_spatter_is_that_of_numpy(table, channels, severity):
    """But for pixels whose level rounding may move by one of 178 or more."""
    found, expected, x = both("spatter", table, channels, severity)
    distance = np.abs(found - expected)
    assert distance.max() < 0.01 and np.mean(distance > 2e-4) < 0.02
    assert np.abs(expected - x).max() > 0.05


@pytest.mark.parametrize("table", SHAPES)
def test_flakes_without_levels_are_those_with_levels_but_for_rounding(table):
    found, expected, _ = both("snow", table, 3, 3, levels=True)
    # Twice a flake, each cut off by up to a level and rounded by a half.
    np.testing.assert_allclose(found, expected, atol=3.01 / 255)
    assert np.abs(found - expected).max() > 0.5 / 255
