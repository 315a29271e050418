"""Digital: contrast, elastic transform, pixelation and JPEG compression."""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.corruptions.base import Corruption
from dat_keras.corruptions.linear_maps import (
    along_axes,
    box_resize,
    gaussian,
)
from dat_keras.corruptions.resampling import bilinear


def contrast(x: Images, key: Key, factor: float) -> Images:
    """Scales the distance from each channel's mean by `factor`."""
    return tf.image.adjust_contrast(x, factor)


def elastic_transform(
    x: Images, key: Key, strength: float, sigma: float, affine: float
) -> Images:
    """Moves three points of the image, then every pixel along a smooth field.

    Args:
        x: Images, shape `(B, H, W, C)`.
        key: Source of the random draws.
        strength: Factor of the field, which is smoothed noise in `[-1, 1]`.
            This and the others count in shorter sides of the image.
        sigma: Standard deviation of the smoothing.
        affine: How far a point may move along each axis.
    """
    batch, (height, width) = tf.shape(x)[0], x.shape[1:3]
    side = min(height, width)
    lines = (tf.range(n, dtype=tf.float32) for n in (height, width))
    grid = tf.stack(
        [*tf.meshgrid(*lines, indexing="ij"), tf.ones(x.shape[1:3])]
    )
    moves = key.fold_in("affine").uniform((batch, 3, 2))
    inverse = _inverse(x, side * affine * (2.0 * moves - 1.0))
    rows, columns = tf.unstack(tf.einsum("bij,jhw->ibhw", inverse, grid))
    x = bilinear(x, rows, columns, "reflect")
    field = key.fold_in("field").uniform((batch, height, width, 2), -1.0, 1.0)
    blurs = (
        gaussian(n, side * sigma, truncate=3.0, mode="symmetric")
        for n in (height, width)
    )
    field = side * strength * along_axes(field, *blurs)
    return bilinear(
        x, grid[0] + field[..., 0], grid[1] + field[..., 1], "symmetric"
    )


def pixelate(x: Images, key: Key, share: float) -> Images:
    """Shrinks each side to `share` of it with a box filter, and back."""
    both = []
    for size in x.shape[1:3]:
        small = max(int(size * share), 1)
        both.append(box_resize(small, size) @ box_resize(size, small))
    return along_axes(x, *both)


def jpeg_compression(x: Images, key: Key, quality: float) -> Images:
    """Encodes an image as JPEG with 256 levels, and decodes it."""
    bytes_ = tf.cast(tf.round(255.0 * x), tf.uint8)
    decoded = tf.map_fn(
        lambda image: tf.image.adjust_jpeg_quality(
            image, int(quality), dct_method="INTEGER_ACCURATE"
        ),
        bytes_,
        fn_output_signature=tf.TensorSpec(x.shape[1:], tf.uint8),
    )
    return tf.cast(decoded, tf.float32) / 255.0


def _inverse(x: Images, moves: tf.Tensor) -> tf.Tensor:
    """Maps of places after an affine transform to those before it.

    Args:
        x: Images, for their size.
        moves: Where three points about the centre go, `(B, 3, 2)`, as
            `(row, column)`.

    Returns:
        Matrices `(B, 2, 3)` of `(row, column, 1)`.
    """
    height, width = x.shape[1:3]
    centre, reach = (height // 2, width // 2), max(min(height, width) // 3, 1)
    corners = ((1, 1), (-1, 1), (-1, -1))
    before = tf.constant(
        [
            [c + reach * s for c, s in zip(centre, signs, strict=True)]
            for signs in corners
        ],
        tf.float32,
    )
    after = tf.concat([before + moves, tf.ones_like(moves[..., :1])], -1)
    solved = tf.linalg.solve(after, tf.broadcast_to(before, tf.shape(moves)))
    return tf.linalg.matrix_transpose(solved)


_OF_224 = 244 / 224
"""ImageNet-C's lengths are multiples of 244 pixels, at a side of 224."""

CONTRAST = Corruption(
    contrast,
    cifar10=((0.75,), (0.5,), (0.4,), (0.3,), (0.15,)),
    tiny_imagenet=((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
    imagenet=((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
)
ELASTIC_TRANSFORM = Corruption(
    elastic_transform,
    cifar10=(
        (0.0, 0.0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    ),
    tiny_imagenet=(
        (0.0, 0.0, 0.08),
        (0.05, 0.3, 0.06),
        (0.1, 0.08, 0.06),
        (0.1, 0.03, 0.03),
        (0.16, 0.03, 0.02),
    ),
    imagenet=(
        (_OF_224 * 2.0, _OF_224 * 0.7, _OF_224 * 0.1),
        (_OF_224 * 2.0, _OF_224 * 0.08, _OF_224 * 0.2),
        (_OF_224 * 0.05, _OF_224 * 0.01, _OF_224 * 0.02),
        (_OF_224 * 0.07, _OF_224 * 0.01, _OF_224 * 0.02),
        (_OF_224 * 0.12, _OF_224 * 0.01, _OF_224 * 0.02),
    ),
)
PIXELATE = Corruption(
    pixelate,
    cifar10=((0.95,), (0.9,), (0.85,), (0.75,), (0.65,)),
    tiny_imagenet=((0.9,), (0.8,), (0.7,), (0.6,), (0.5,)),
    imagenet=((0.6,), (0.5,), (0.4,), (0.3,), (0.25,)),
)
JPEG_COMPRESSION = Corruption(
    jpeg_compression,
    cifar10=((80,), (65,), (58,), (50,), (40,)),
    tiny_imagenet=((65,), (58,), (50,), (40,), (25,)),
    imagenet=((25,), (18,), (15,), (10,), (7,)),
)
