"""ColorShape: one change of colour or of shape (IDBH)."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.base import Augment, integers, signs
from dat_keras.augment.color import (
    autocontrast,
    brightness,
    color,
    contrast,
    equalize,
    sharpness,
)
from dat_keras.augment.geometry import (
    rotate,
    shear_x_nearest,
    shear_y_nearest,
)
from dat_keras.augment.operations import Apply, coloured, filled, pick
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Size


@dataclass(frozen=True)
class _Move:
    """An operation, the range of its strength, and how often it is drawn."""

    apply: Apply
    low: float = 0.0
    high: float = 0.0
    signed: bool = False
    tickets: Size = 2


def _turn(x: Images, degrees: tf.Tensor, fill: float) -> Images:
    return rotate(x, tf.round(degrees), fill)


_MOVES = (
    _Move(coloured(color), 0.1, 1.9),
    _Move(coloured(brightness), 0.5, 1.9),
    _Move(coloured(contrast), 0.5, 1.9),
    _Move(coloured(sharpness), 0.1, 1.9),
    _Move(coloured(autocontrast)),
    _Move(coloured(equalize)),
    # One shear in eight, along either axis.
    _Move(filled(shear_x_nearest, 0.0), 0.05, 0.15, True, 1),
    _Move(filled(shear_y_nearest, 0.0), 0.05, 0.15, True, 1),
    # Rounded, whole degrees from 1 to 10.
    _Move(filled(_turn, 0.0), 0.5, 10.5, True),
)
_TICKETS = [i for i, move in enumerate(_MOVES) for _ in range(move.tickets)]


@dataclass(frozen=True)
class ColorShape(Augment):
    """Exactly one of eight changes for each image, with equal chances.

    Saturation, brightness, contrast, sharpness (factors up to 1.9),
    autocontrast, equalize, a shear of 0.05 to 0.15 rad along x or y, or a
    turn by 1 to 10 degrees; both of these fill with black. Needs three
    channels.

    Example:
    >>> ColorShape()
    ColorShape()

    Reference:
        [Li and Spratling, 2023](https://arxiv.org/abs/2301.09879)
    """

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the changed images."""
        batch = (tf.shape(x)[0],)
        ticket = integers(key.fold_in("move"), batch, len(_TICKETS))
        index = tf.gather(tf.constant(_TICKETS), ticket)
        low, high, signed = (
            tf.gather(tf.constant([getattr(m, name) for m in _MOVES]), index)
            for name in ("low", "high", "signed")
        )
        share = key.fold_in("strength").uniform(batch)
        sign = tf.where(signed, signs(key.fold_in("sign"), batch), 1.0)
        strength = sign * (low + share * (high - low))
        return pick(x, index, strength, [m.apply for m in _MOVES]), y
