"""Blocks and paddings against NumPy, with PyTorch's conventions."""

import keras
import numpy as np
import pytest

from dat_keras.architectures import PreActResNet18, ResNet8
from dat_keras.architectures.layers import LayerFactory

RNG = np.random.default_rng(2)


def numpy_conv(x, kernel, strides, padding):
    """A convolution with `padding` zeros on all four sides, as PyTorch's."""
    size = kernel.shape[0]
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    rows = range(0, x.shape[1] - size + 1, strides)
    columns = range(0, x.shape[2] - size + 1, strides)
    patches = [
        [x[:, r : r + size, c : c + size] for c in columns] for r in rows
    ]
    return np.einsum("rcbijk,ijkf->brcf", np.array(patches), kernel)


def numpy_norm(x, layer):
    gamma, beta, mean, variance = layer.get_weights()
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


def relu(x):
    return np.maximum(x, 0.0)


def randomize(model):
    """Gives BatchNorm statistics and affine parameters that show mistakes."""
    model.set_weights(
        [
            RNG.uniform(0.5, 1.5, w.shape) * (w if w.any() else 1.0)
            for w in model.get_weights()
        ]
    )


def between(model, first, last):
    """The part of a functional model between two named layers' outputs."""
    layers = [model.get_layer(name).output for name in (first, last)]
    return keras.Model(model.input, layers)


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("strides", [1, 2])
def test_conv_pads_one_pixel_on_every_side(strides, side):
    x = RNG.normal(size=(2, side, side, 3)).astype("float32")
    image = keras.Input((side, side, 3))
    made = {}
    factory = LayerFactory(0, made)
    model = keras.Model(image, factory.conv(image, 4, "conv", strides))
    expected = numpy_conv(x, made["conv"].get_weights()[0], strides, 1)
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)


def test_projection_reads_every_second_pixel():
    x = RNG.normal(size=(2, 8, 8, 3)).astype("float32")
    image = keras.Input((8, 8, 3))
    made = {}
    y = LayerFactory(0, made).project(image, 4, "shortcut", 2)
    expected = numpy_conv(x, made["shortcut"].get_weights()[0], 2, 0)
    model = keras.Model(image, y)
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)


def kernel_and_norm(model, name):
    def conv(part, x, strides=1, padding=1):
        kernel = model.get_layer(f"{name}_{part}").get_weights()[0]
        return numpy_conv(x, kernel, strides, padding)

    def norm(part, x):
        return numpy_norm(x, model.get_layer(f"{name}_{part}"))

    return conv, norm


def test_post_activation_block():
    model = ResNet8(3, input_shape=(8, 8, 3), width=2)
    randomize(model)
    images = RNG.uniform(size=(2, 8, 8, 3)).astype("float32")
    block = between(model, "stage1_block0_relu", "stage2_block0_relu")
    x, actual = (np.array(y) for y in block(images))
    conv, norm = kernel_and_norm(model, "stage2_block0")
    y = relu(norm("bn1", conv("conv1", x, strides=2)))
    y = norm("bn2", conv("conv2", y))
    shortcut = conv("shortcut", x, strides=2, padding=0)
    expected = relu(y + norm("shortcut_bn", shortcut))
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_pre_activation_block_projects_the_activated_input():
    model = PreActResNet18(3, input_shape=(8, 8, 3), width=2)
    randomize(model)
    images = RNG.uniform(size=(2, 8, 8, 3)).astype("float32")
    block = between(model, "stage1_block1_add", "stage2_block0_add")
    x, actual = (np.array(y) for y in block(images))
    conv, norm = kernel_and_norm(model, "stage2_block0")
    active = relu(norm("bn1", x))
    y = relu(norm("bn2", conv("conv1", active, strides=2)))
    shortcut = conv("shortcut", active, strides=2, padding=0)
    expected = shortcut + conv("conv2", y)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_pre_activation_net_ends_in_norm_relu_pool_dense():
    model = PreActResNet18(3, input_shape=(16, 16, 3), width=2)
    randomize(model)
    images = RNG.uniform(size=(2, 16, 16, 3)).astype("float32")
    x, actual = between(model, "stage4_block1_add", "logits")(images)
    _, norm = kernel_and_norm(model, "final")
    features = relu(norm("bn", np.array(x))).mean(axis=(1, 2))
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(
        actual, features @ kernel + bias, rtol=1e-3, atol=1e-4
    )
