"""ResNet for small images (He et al., CVPR 2016): post-activation blocks."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor

from dat_keras.architectures.builder import ClassifierBuilder, MeanStd
from dat_keras.architectures.layers import (
    LayerFactory,
    changes_shape,
    residual_stages,
)


def ResNet18(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 64,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """ResNet-18 with a 3x3 stem of stride 1, the backbone of DAT's tables.

    Zero padding, BatchNorm constants and pooling are PyTorch's, so weights
    trained there give the same logits. Kernels start from
    `Normal(0, sqrt(2 / fan_out))`, the dense kernel from Glorot's normal.
    The first convolution and the logits stay float32 under a mixed policy.

    Args:
        num_classes: Number of logits, `K`.
        input_shape: Height, width and channels of the images in `[0, 1]`.
        branches: BatchNorm branches; 2 for DAT and DAJAT.
        width: Channels of the stem and of the first stage; each further
            stage doubles them.
        mean_std: Mean and standard deviation per channel for a standardizing
            first layer. Default: none, as in DAT.
        sync_bn: Whether BatchNorm averages its statistics over replicas; set
            it for distributed training.

    Returns:
        A functional model from images `(B, H, W, C)` to logits `(B, K)`, or
        a `BranchedClassifier` if `branches > 1`.

    Raises:
        ValueError: If a size is not positive or `mean_std` does not fit the
            channels.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385).

    Example:
    >>> ResNet18(10, width=8).output_shape
    (None, 10)
    """
    builder = ClassifierBuilder(
        "resnet18", num_classes, input_shape, branches, mean_std, sync_bn
    )
    widths = [width, 2 * width, 4 * width, 8 * width]
    return builder.build(
        lambda factory, x: _backbone(factory, x, widths, [2] * 4)
    )


def ResNet8(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int = 16,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """ResNet-8, a backbone of 78 thousand weights that trains on a CPU.

    Three stages of one block each, of `width`, `2 * width` and `4 * width`
    channels; otherwise, and in its arguments, as `ResNet18`.

    Example:
    >>> ResNet8(10).count_params()
    78714
    """
    builder = ClassifierBuilder(
        "resnet8", num_classes, input_shape, branches, mean_std, sync_bn
    )
    widths = [width, 2 * width, 4 * width]
    return builder.build(
        lambda factory, x: _backbone(factory, x, widths, [1] * 3)
    )


def _backbone(
    factory: LayerFactory,
    x: KerasTensor,
    widths: Sequence[int],
    blocks: Sequence[int],
) -> KerasTensor:
    # bfloat16 cannot tell pixels apart that differ by half a grey level.
    x = factory.conv(x, widths[0], "stem_conv", dtype="float32")
    x = factory.norm_relu(x, "stem_bn")
    return residual_stages(factory, x, _block, widths, blocks)


def _block(
    factory: LayerFactory, x: KerasTensor, width: int, strides: int, name: str
) -> KerasTensor:
    y = factory.conv(x, width, f"{name}_conv1", strides)
    y = factory.norm_relu(y, f"{name}_bn1")
    y = factory.conv(y, width, f"{name}_conv2")
    y = factory.norm(y, f"{name}_bn2")
    if changes_shape(x, width, strides):
        x = factory.project(x, width, f"{name}_shortcut", strides)
        x = factory.norm(x, f"{name}_shortcut_bn")
    return factory.relu(factory.add(x, y, f"{name}_add"), f"{name}_relu")
