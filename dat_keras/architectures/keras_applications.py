"""ResNet-50 of `keras.applications` with a logits head, untrained."""

from __future__ import annotations

import keras

from dat_keras.architectures.builder import ClassifierBuilder, MeanStd, rebuilt


def ResNet50(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    branches: int = 1,
    width: int | None = None,
    mean_std: MeanStd | None = None,
    sync_bn: bool = False,
) -> keras.Model:
    """The net of ImageNet studies: bottleneck blocks, 25.6 M weights.

    Layers, their names and the constants of BatchNorm are those of
    `keras.applications.ResNet50` (momentum 0.99, epsilon 1.001e-5), which
    halves the resolution five times. Weights are not loaded. The first
    convolution and the logits stay float32 under a mixed policy.

    Args:
        num_classes: Number of logits, `K`.
        input_shape: Height, width and channels of the images in `[0, 1]`;
            32 pixels or more.
        branches: BatchNorm branches; 2 for DAT and DAJAT.
        width: Must be `None`: this net has one width.
        mean_std: Mean and standard deviation per channel for a standardizing
            first layer. Default: none.
        sync_bn: Whether BatchNorm averages its statistics over replicas.

    Returns:
        A functional model from images `(B, H, W, C)` to logits `(B, K)`, or
        a `BranchedClassifier` if `branches > 1`.

    Raises:
        ValueError: If `width` is given, or another argument does not fit.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385)

    Example:
    >>> ResNet50(10, width=8)
    Traceback (most recent call last):
    ...
    ValueError: `resnet50` has one width: leave `width` out. Received: width=8
    """
    if width is not None:
        raise ValueError(
            "`resnet50` has one width: leave `width` out. "
            f"Received: width={width}"
        )
    builder = ClassifierBuilder(
        "resnet50", num_classes, input_shape, branches, mean_std, sync_bn
    )
    backbone = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=input_shape
    )
    return builder.build(rebuilt(backbone))
