"""Pre-activation ResNet for small images (He et al., ECCV 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import KerasTensor

from dat_keras.architectures.builder import ClassifierBuilder, MeanStd
from dat_keras.architectures.layers import (
    Block,
    LayerFactory,
    changes_shape,
    residual_stages,
)


def PreActResNet18(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 64,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """PreAct-ResNet-18, the backbone of PGD-AT, AWP-AT, SCARL and IDBH.

    Two variants of this net are in use. This is the one of Rice et al.
    (2020), which RobustBench keeps for their models: projections read the
    activated input of the block, and BatchNorm and a rectifier stand before
    the pooling. The arguments are those of `ResNet18`.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1603.05027);
        [Rice et al., 2020](https://arxiv.org/abs/2002.11569).

    Example:
    >>> PreActResNet18(10, width=8).output_shape
    (None, 10)
    """
    builder = ClassifierBuilder(
        "preactresnet18", num_classes, input_shape, branches, mean_std, sync_bn
    )
    widths = [width, 2 * width, 4 * width, 8 * width]
    return builder.build(
        lambda factory, x: preact_backbone(factory, x, width, widths, [2] * 4)
    )


def preact_backbone(
    factory: LayerFactory,
    x: KerasTensor,
    stem: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    block: Block | None = None,
    activate: Callable[[KerasTensor, str], KerasTensor] | None = None,
) -> KerasTensor:
    """Stem, pre-activation stages and the activation that ends them.

    Args:
        factory: Source of the layers.
        x: Images, `(B, H, W, C)`.
        stem: Channels of the stem.
        widths: Channels of each stage.
        blocks: Number of blocks of each stage.
        block: Makes a block. Default: that of this file.
        activate: The last BatchNorm and activation. Default: a rectifier.

    Returns:
        Feature maps of `widths[-1]` channels.
    """
    # bfloat16 cannot tell pixels apart that differ by half a grey level.
    x = factory.conv(x, stem, "stem_conv", dtype="float32")
    x = residual_stages(factory, x, block or _block, widths, blocks)
    return (activate or factory.norm_relu)(x, "final_bn")


def _block(
    factory: LayerFactory, x: KerasTensor, width: int, strides: int, name: str
) -> KerasTensor:
    active = factory.norm_relu(x, f"{name}_bn1")
    y = factory.conv(active, width, f"{name}_conv1", strides)
    y = factory.norm_relu(y, f"{name}_bn2")
    y = factory.conv(y, width, f"{name}_conv2")
    if changes_shape(x, width, strides):
        x = factory.project(active, width, f"{name}_shortcut", strides)
    return factory.add(x, y, f"{name}_add")
