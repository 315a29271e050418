"""Backbones of KerasCV with a logits head, untrained."""

from __future__ import annotations

from typing import Any

import keras

from dat_keras.architectures.builder import ClassifierBuilder, MeanStd, rebuilt


def _resnet(kind: str, block: str, *blocks: int) -> tuple[str, dict[str, Any]]:
    return kind, {
        "stackwise_filters": [64, 128, 256, 512],
        "stackwise_blocks": list(blocks),
        "stackwise_strides": [1, 2, 2, 2],
        "block_type": block,
    }


def _densenet(*repeats: int) -> tuple[str, dict[str, Any]]:
    return "DenseNetBackbone", {"stackwise_num_repeats": list(repeats)}


V1, V2 = "ResNetBackbone", "ResNetV2Backbone"
PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet18": _resnet(V1, "basic_block", 2, 2, 2, 2),
    "resnet34": _resnet(V1, "basic_block", 3, 4, 6, 3),
    "resnet50": _resnet(V1, "block", 3, 4, 6, 3),
    "resnet101": _resnet(V1, "block", 3, 4, 23, 3),
    "resnet152": _resnet(V1, "block", 3, 8, 36, 3),
    "resnet18_v2": _resnet(V2, "basic_block", 2, 2, 2, 2),
    "resnet34_v2": _resnet(V2, "basic_block", 3, 4, 6, 3),
    "resnet50_v2": _resnet(V2, "block", 3, 4, 6, 3),
    "resnet101_v2": _resnet(V2, "block", 3, 4, 23, 3),
    "resnet152_v2": _resnet(V2, "block", 3, 8, 36, 3),
    "densenet121": _densenet(6, 12, 24, 16),
    "densenet169": _densenet(6, 12, 32, 32),
    "densenet201": _densenet(6, 12, 48, 32),
    "vgg16": ("VGG16Backbone", {"include_top": False}),
}
"""Class and settings of each backbone, by KerasCV's name of the preset.

KerasCV itself reads the settings of a preset from Kaggle. Left out are those
whose BatchNorm layers are hidden in blocks, and those for other tasks.
"""


def KerasCVClassifier(
    preset: str,
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    branches: int = 1,
    width: int | None = None,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """A backbone of KerasCV, global average pooling and a dense layer.

    Layers, their names and the constants of BatchNorm are KerasCV's. All
    backbones but `vgg16` halve the resolution twice before the first block,
    all of them five times: they are for images of 64 pixels or more. Weights
    are not loaded. The first convolution and the logits stay float32 under a
    mixed policy.

    Args:
        preset: Key of `PRESETS`.
        num_classes: Number of logits, `K`.
        input_shape: Height, width and channels of the images in `[0, 1]`.
        branches: BatchNorm branches; 2 for DAT and DAJAT.
        width: Must be `None`: these backbones have one width.
        mean_std: Mean and standard deviation per channel for a standardizing
            first layer. Default: none.
        sync_bn: Whether BatchNorm averages its statistics over replicas.

    Returns:
        A functional model from images `(B, H, W, C)` to logits `(B, K)`, or
        a `BranchedClassifier` if `branches > 1`.

    Raises:
        ValueError: If `width` is given, or another argument does not fit.

    Example:
    >>> KerasCVClassifier("resnet18", 10).output_shape
    (None, 10)
    """
    if width is not None:
        raise ValueError(
            f"`keras_cv/{preset}` has one width: leave `width` out. "
            f"Received: width={width}"
        )
    builder = ClassifierBuilder(
        f"keras_cv_{preset}",
        num_classes,
        input_shape,
        branches,
        mean_std,
        sync_bn,
    )
    import keras_cv

    kind, settings = PRESETS[preset]
    made = getattr(keras_cv.models, kind)
    backbone = made(
        include_rescaling=False, input_shape=input_shape, **settings
    )
    return builder.build(rebuilt(backbone))
