"""Winograd's convolution is the convolution, where it is chosen and beyond."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.kernels import winograd
from dat_keras.kernels.fold_batch_norm import folded
from dat_keras.kernels.functional_graph import Graph
from dat_keras.kernels.winograd import F2, F4, outweighs, tiles_for


def draw(*shape):
    return tf.random.stateless_normal(shape, [3, 5])


@pytest.mark.parametrize("tiles", [F2, F4], ids=["F2", "F4"])
@pytest.mark.parametrize(
    "size", [(4, 4), (8, 8), (7, 5), (1, 1), (3, 16)], ids=str
)
def test_values_and_gradients_are_those_of_the_convolution(
    size, tiles, assert_close
):
    x, kernel, seed = draw(3, *size, 6), draw(3, 3, 6, 2), draw(3, *size, 2)
    found = []
    for function in (
        lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"),
        lambda x, w: tiles.convolve(x, tiles.transform(w)),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = function(x, kernel)
        found.append((y, *tape.gradient(y, [x, kernel], seed)))
    for actual, expected in zip(*found[::-1], strict=True):
        assert_close(actual, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("tiles", [F2, F4], ids=["F2", "F4"])
def test_whole_numbers_come_out_exactly(tiles):
    x, w = np.arange(32.0).reshape(1, 4, 4, 2), np.ones((3, 3, 2, 1)) * 24
    y = tiles.convolve(tf.constant(x), tiles.transform(tf.constant(w)))
    expected = tf.nn.conv2d(x, w, 1, "SAME")
    np.testing.assert_allclose(y, expected, rtol=1e-13)


def test_a_graph_of_any_batch_size_is_traced_once(assert_close):
    w = draw(3, 3, 6, 2)
    run = tf.function(
        lambda x: F4.convolve(x, F4.transform(w)),
        input_signature=[tf.TensorSpec((None, 8, 8, 6))],
        autograph=False,
    )
    x = draw(5, 8, 8, 6)
    assert_close(run(x)[:2], run(x[:2]), rtol=1e-4, atol=1e-5)
    assert run(x[:0]).shape == (0, 8, 8, 2)


def convolution(channels=256, **options):
    settings = {"filters": 256, "kernel_size": 3, "padding": "same"} | options
    layer = layers.Conv2D(**settings)
    layer.build((None, 8, 8, channels))
    return layer


@pytest.mark.parametrize(
    ("layer", "shape", "dtype"),
    [
        (convolution(strides=2), (None, 4, 4, 256), "float32"),
        (convolution(dilation_rate=2), (None, 8, 8, 256), "float32"),
        (convolution(padding="valid"), (None, 6, 6, 256), "float32"),
        (convolution(kernel_size=5), (None, 8, 8, 256), "float32"),
        (convolution(kernel_size=1), (None, 8, 8, 256), "float32"),
        (convolution(groups=2), (None, 8, 8, 256), "float32"),
        (convolution(64), (None, 8, 8, 256), "float32"),
        (convolution(filters=64), (None, 8, 8, 64), "float32"),
        (convolution(), (None, 32, 16, 256), "float32"),
        (convolution(), (None, None, None, 256), "float32"),
        (convolution(), (None, 8, 8, 256), "bfloat16"),
        (convolution(), (None, 4, 4, 256), "float16"),
    ],
    ids=[
        *["strided", "dilated", "valid", "5x5", "1x1", "grouped", "narrow"],
        *["few-filters", "large", "unknown-size", "bfloat16"],
        "float16",
    ],
)
def test_others_are_left_to_the_kernel(layer, shape, dtype):
    assert tiles_for(layer, shape, dtype) is None


def test_each_type_has_its_tiles():
    layer = convolution()
    assert tiles_for(layer, (None, 8, 8, 256), "float32") is F4
    assert tiles_for(layer, (None, 4, 4, 256), "float32") is F4
    assert tiles_for(layer, (None, 4, 4, 256), "bfloat16") is F2


@pytest.mark.bfloat16
def test_small_tiles_can_compute_in_bfloat16_and_larger_cannot():
    x, w = draw(4, 4, 4, 256), draw(3, 3, 256, 64)
    exact = tf.nn.conv2d(x, w, 1, "SAME")
    errors = []
    for tiles in (F2, F4):
        low = (tf.cast(a, tf.bfloat16) for a in (x, tiles.transform(w)))
        y = tf.cast(tiles.convolve(*low), tf.float32)
        errors.append(float(tf.norm(y - exact) / tf.norm(exact)))
    assert errors[0] < 0.01
    assert errors[1] > 0.03


@pytest.mark.parametrize(
    ("channels", "side", "expected"),
    [(256, 4, True), (256, 8, True), (256, 9, False), (64, 4, False)],
)
def test_a_kernel_outweighs_images_of_fewer_pixels(channels, side, expected):
    # It reads four times the pixels that it writes.
    layer = convolution(channels, filters=channels, strides=2)
    assert outweighs(layer, (None, side, side, channels)) == expected


def test_a_gpu_keeps_its_own_convolutions(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU"])
    assert tiles_for(convolution(), (None, 8, 8, 256), "float32") is None


@pytest.mark.parametrize(
    "dtype",
    [None, pytest.param("bfloat16", marks=pytest.mark.bfloat16)],
)
def test_folding_takes_it_where_it_pays(dtype, monkeypatch, assert_close):
    net = keras.Sequential(
        [
            keras.Input((4, 4, 256)),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
        ]
    )
    net.layers[-1].gamma.assign(tf.linspace(0.5, 1.5, 256))
    net.layers[-1].beta.assign(tf.linspace(-1.0, 1.0, 256))
    sizes = []
    convolve = winograd.Tiles.convolve
    monkeypatch.setattr(
        winograd.Tiles,
        "convolve",
        lambda self, x, u: sizes.append(len(u)) or convolve(self, x, u),
    )
    graph, x = Graph.of(net), draw(2, 4, 4, 256)
    y = tf.cast(graph.run(x, folded(graph, dtype)), tf.float32)
    # The first convolution stays in float32.
    assert sizes == ([36, 16] if dtype else [36, 36])
    tolerance = {"atol": 0.05} if dtype else {"rtol": 1e-3, "atol": 1e-4}
    assert_close(y, net(x), **tolerance)
