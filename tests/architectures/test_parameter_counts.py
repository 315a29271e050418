"""Trainable weights of the published nets, with one BatchNorm set and two."""

import math

import pytest

from dat_keras.architectures import ARCHITECTURES

IMAGE = (32, 32, 3)


def trainable(model):
    return sum(math.prod(v.shape) for v in model.trainable_variables)


@pytest.mark.parametrize(
    ("name", "num_classes", "input_shape", "single", "dual"),
    [
        ("resnet18", 10, IMAGE, 11_173_962, 11_183_562),
        ("resnet18", 100, IMAGE, 11_220_132, 11_229_732),
        ("resnet18", 200, (64, 64, 3), 11_271_432, 11_281_032),
        ("wrn-34-10", 10, IMAGE, 46_160_474, 46_182_906),
        ("wrn-34-10", 100, IMAGE, 46_218_164, 46_240_596),
        ("wrn-28-10", 10, IMAGE, 36_479_194, 36_497_146),
    ],
)
def test_counts_of_the_published_nets(
    name, num_classes, input_shape, single, dual
):
    model = ARCHITECTURES[name](
        num_classes, input_shape=input_shape, branches=2
    )
    assert trainable(model.base) == single
    assert trainable(model) == dual
    assert model.base.output_shape == (None, num_classes)


def test_preactresnet18_by_hand():
    def conv(size, channels_in, channels_out):
        return size**2 * channels_in * channels_out

    # Each BatchNorm has two numbers a channel.
    total = conv(3, 3, 64)
    width_in = 64
    for width in (64, 128, 256, 512):
        total += conv(3, width_in, width) + 3 * conv(3, width, width)
        total += 2 * (width_in + 3 * width)
        total += conv(1, width_in, width) if width != width_in else 0
        width_in = width
    total += 2 * 512 + 512 * 10 + 10
    assert trainable(ARCHITECTURES["preactresnet18"](10)) == total


def test_one_branch_is_the_base_branch():
    alone = ARCHITECTURES["resnet8"](10)
    base = ARCHITECTURES["resnet8"](10, branches=2).base
    assert trainable(alone) == trainable(base) == 78_042
