"""Pre-activation and wide ResNets with Swish (Gowal et al., 2020).

They are the nets of `preact_resnet.py` and `wide_resnet.py` but for these
points: the activation is Swish, `x sigmoid(x)`; convolutions of stride 2 pad
below and on the right only; and the pre-activation net's shortcuts are 3x3
convolutions of the block's input, not of its activation.
"""

from __future__ import annotations

import keras
from keras import KerasTensor

from dat_keras.architectures.builder import ClassifierBuilder, MeanStd
from dat_keras.architectures.layers import LayerFactory, changes_shape
from dat_keras.architectures.preact_resnet import preact_backbone

PADS = (0, 1)
"""Rows of zeros above and below the input of a convolution of stride 2."""


def SwishPreActResNet18(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 64,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """PreAct-ResNet-18 with Swish; the arguments are those of `ResNet18`.

    Reference:
        [Gowal et al., 2020](https://arxiv.org/abs/2010.03593).

    Example:
    >>> SwishPreActResNet18(10, width=8).output_shape
    (None, 10)
    """
    builder = ClassifierBuilder(
        "swish_preactresnet18",
        *(num_classes, input_shape, branches, mean_std, sync_bn),
    )
    widths = [width, 2 * width, 4 * width, 8 * width]
    return builder.build(
        lambda factory, x: preact_backbone(
            *(factory, x, width, widths, [2] * 4),
            block=_pre_activation,
            activate=factory.norm_swish,
        )
    )


def SwishWideResNet(
    depth: int,
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 10,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """A wide ResNet with Swish, of any depth.

    `depth` is 4 more than a multiple of 6, `width` the widening factor; the
    other arguments are those of `ResNet18`. Height and width of the images are
    multiples of 4: a convolution that pads on one side and its shortcut,
    which does not pad, would halve an odd side to different sizes.

    Raises:
        ValueError: If there is no such depth, or a side is none of these.

    Reference:
        [Gowal et al., 2020](https://arxiv.org/abs/2010.03593).

    Example:
    >>> SwishWideResNet(10, 10, width=1).output_shape
    (None, 10)
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise ValueError(
            "`depth` must be 4 more than a multiple of 6, such as 28. "
            f"Received: depth={depth}"
        )
    if any(side is not None and side % 4 for side in input_shape[:2]):
        raise ValueError(
            "`input_shape` of a wide ResNet with Swish must have a height and "
            f"a width divisible by 4. Received: input_shape={input_shape}"
        )
    builder = ClassifierBuilder(
        f"swish_wrn{depth}",
        *(num_classes, input_shape, branches, mean_std, sync_bn),
    )
    widths = [16 * width, 32 * width, 64 * width]
    return builder.build(
        lambda factory, x: preact_backbone(
            *(factory, x, 16, widths, [blocks] * 3),
            block=_wide,
            activate=factory.norm_swish,
        )
    )


def _wide(
    factory: LayerFactory, x: KerasTensor, width: int, strides: int, name: str
) -> KerasTensor:
    active = factory.norm_swish(x, f"{name}_bn1")
    y = factory.conv(active, width, f"{name}_conv1", strides, pads=PADS)
    y = factory.norm_swish(y, f"{name}_bn2")
    y = factory.conv(y, width, f"{name}_conv2")
    if changes_shape(x, width, strides):
        x = factory.project(active, width, f"{name}_shortcut", strides)
    return factory.add(x, y, f"{name}_add")


def _pre_activation(
    factory: LayerFactory, x: KerasTensor, width: int, strides: int, name: str
) -> KerasTensor:
    y = factory.norm_swish(x, f"{name}_bn1")
    y = factory.conv(y, width, f"{name}_conv1", strides, pads=PADS)
    y = factory.norm_swish(y, f"{name}_bn2")
    y = factory.conv(y, width, f"{name}_conv2")
    if changes_shape(x, width, strides):
        x = factory.conv(x, width, f"{name}_shortcut", strides, pads=PADS)
    return factory.add(x, y, f"{name}_add")
