"""The operations of AutoAugment, and how one is picked for every image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.color import (
    autocontrast,
    brightness,
    color,
    contrast,
    equalize,
    invert,
    posterize,
    sharpness,
    solarize,
)
from dat_keras.augment.geometry import (
    rotate,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
)
from dat_keras.core.types import Images

Apply = Callable[[Images, tf.Tensor], Images]
"""Maps images and strengths `(B,)` to images."""
_GREY = 128 / 255


@dataclass(frozen=True)
class Operation:
    """An operation and what its magnitudes mean.

    Args:
        apply: Maps images and strengths, shape `(B,)`, to images.
        amount: Maps a magnitude in 0 .. 9 to a distance from `neutral`.
        neutral: Strength at distance 0.
        signed: Whether the distance goes either way, by chance.
    """

    apply: Apply
    amount: Callable[[float], float] = lambda magnitude: 0.0
    neutral: float = 0.0
    signed: bool = False


def coloured(function: Callable[[Images, tf.Tensor], Images]) -> Apply:
    """Gives a colour operation strengths of shape `(B,)`."""
    return lambda x, strength: function(x, strength[:, None, None, None])


def filled(
    function: Callable[[Images, tf.Tensor, float], Images], fill: float
) -> Apply:
    """Fixes what a geometric operation fills empty places with."""
    return lambda x, strength: function(x, strength, fill)


def pick(
    x: Images, index: tf.Tensor, strength: tf.Tensor, table: Sequence[Apply]
) -> Images:
    """Runs one operation of a table on each image.

    All operations run on all images: on a device that is cheaper than
    sorting small images by operation.

    Args:
        x: Images, shape `(B, H, W, 3)`.
        index: Place in the table, shape `(B,)`; -1 leaves the image alone.
        strength: Strength for that operation, shape `(B,)`.
        table: The operations.
    """
    result = x
    for i, apply in enumerate(table):
        mine = (index == i)[:, None, None, None]
        result = tf.where(mine, apply(x, strength), result)
    return tf.ensure_shape(result, x.shape)


def _shift(function: Callable, most: float) -> Operation:
    return Operation(
        filled(function, _GREY), lambda m: most * m / 9, signed=True
    )


def _factor(function: Callable) -> Operation:
    return Operation(
        coloured(function), lambda m: 0.9 * m / 9, neutral=1.0, signed=True
    )


def operations(width: int) -> dict[str, Operation]:
    """The operations by name, for images of a width in pixels.

    Example:
    >>> operations(32)["rotate"].amount(9)
    30.0
    """
    far = 150 / 331 * width
    return {
        "shear_x": _shift(shear_x, 0.3),
        "shear_y": _shift(shear_y, 0.3),
        "translate_x": _shift(translate_x, far),
        "translate_y": _shift(translate_y, far),
        "rotate": Operation(filled(rotate, _GREY), lambda m: 30.0 * m / 9),
        "color": _factor(color),
        "contrast": _factor(contrast),
        "brightness": _factor(brightness),
        "sharpness": _factor(sharpness),
        "posterize": Operation(
            coloured(posterize), lambda m: float(round(8 - 4 * m / 9))
        ),
        "solarize": Operation(
            coloured(solarize), lambda m: 256.0 * (1 - m / 9)
        ),
        "invert": Operation(coloured(invert)),
        "autocontrast": Operation(coloured(autocontrast)),
        "equalize": Operation(coloured(equalize)),
    }
