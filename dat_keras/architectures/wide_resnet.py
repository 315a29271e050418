"""Wide residual networks (Zagoruyko and Komodakis, BMVC 2016)."""

from __future__ import annotations

import keras

from dat_keras.architectures.builder import ClassifierBuilder, MeanStd
from dat_keras.architectures.preact_resnet import preact_backbone


def WideResNet34_10(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 10,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """WRN-34-10: three stages of five blocks, 160, 320 and 640 channels wide.

    `width` is the widening factor; the other arguments are those of
    `ResNet18`. There is no dropout and no BatchNorm on the shortcuts.

    Reference:
        [Zagoruyko and Komodakis, 2016](https://arxiv.org/abs/1605.07146).

    Example:
    >>> WideResNet34_10(10, width=1).output_shape
    (None, 10)
    """
    builder = ClassifierBuilder(
        "wrn34", num_classes, input_shape, branches, mean_std, sync_bn
    )
    return _wide_resnet(builder, width, blocks=5)


def WideResNet28_10(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 10,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """WRN-28-10: as `WideResNet34_10`, with four blocks in each stage.

    Example:
    >>> WideResNet28_10(10, width=1).output_shape
    (None, 10)
    """
    builder = ClassifierBuilder(
        "wrn28", num_classes, input_shape, branches, mean_std, sync_bn
    )
    return _wide_resnet(builder, width, blocks=4)


def WideResNet70_16(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 16,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """WRN-70-16: as `WideResNet34_10`, with eleven blocks in each stage.

    Example:
    >>> WideResNet70_16(10, width=1).output_shape
    (None, 10)
    """
    builder = ClassifierBuilder(
        "wrn70", num_classes, input_shape, branches, mean_std, sync_bn
    )
    return _wide_resnet(builder, width, blocks=11)


def _wide_resnet(
    builder: ClassifierBuilder, width: int, blocks: int
) -> keras.Model:
    widths = [16 * width, 32 * width, 64 * width]
    return builder.build(
        lambda factory, x: preact_backbone(factory, x, 16, widths, [blocks] * 3)
    )
