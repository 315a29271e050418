"""`Corruption`: a change of images at five severities, and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.utils.registry import lookup

Five: TypeAlias = tuple[
    tuple[float, ...],
    tuple[float, ...],
    tuple[float, ...],
    tuple[float, ...],
    tuple[float, ...],
]
"""Parameters of the severities 1 to 5."""

TABLES = {"cifar10": 48, "tiny_imagenet": 128, "imagenet": 1 << 30}
"""Tables of parameters, and the longest shorter side that each is for."""

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """A corruption at five severities.

    Args:
        apply: Maps images `(B, H, W, C)` in `[0, 1]`, a key and the
            parameters of a severity to corrupted images, before they are
            clipped to `[0, 1]`.
        cifar10: Parameters that made CIFAR-10-C.
        tiny_imagenet: Parameters that made Tiny-ImageNet-C.
        imagenet: Parameters that made ImageNet-C.

    Example:
    >>> darker = Corruption(
    ...     lambda x, key, by: x - by, *[((0.1,),) * 5] * 3
    ... )
    >>> from dat_keras.core.random import RowKey
    >>> darker(tf.fill((1, 1, 1, 1), 0.5), RowKey.of(0, [0]), 1).numpy().item()
    0.4000000059604645
    """

    apply: Callable[..., Images]
    cifar10: Five
    tiny_imagenet: Five
    imagenet: Five

    def __call__(
        self, x: Images, key: Key, severity: int, table: str | None = None
    ) -> Images:
        """Returns corrupted images, in `[0, 1]`; works in graphs.

        Args:
            x: Images, shape `(B, H, W, C)` with static `H`, `W` and `C`.
            key: Source of the random draws.
            severity: 1 to 5.
            table: Key of `TABLES`. Default: that of the images' shorter
                side, `table_of`.
        """
        check_severity(severity)
        table = table or table_of(x.shape[1], x.shape[2])
        parameters = getattr(self, lookup_table(table))[severity - 1]
        corrupted = self.apply(x, key, *parameters)
        return tf.ensure_shape(tf.clip_by_value(corrupted, 0.0, 1.0), x.shape)


def table_of(height: int, width: int) -> str:
    """Returns the table of parameters for images of a size.

    The benchmark has three: of CIFAR-10-C (32 pixels), Tiny-ImageNet-C (64)
    and ImageNet-C (224). The shorter side decides: up to 48, up to 128, more.

    Args:
        height: Rows of an image.
        width: Columns of an image.

    Example:
    >>> table_of(32, 32), table_of(64, 64), table_of(299, 224)
    ('cifar10', 'tiny_imagenet', 'imagenet')
    """
    side = min(height, width)
    return next(name for name, most in TABLES.items() if side <= most)


def lookup_table(name: str) -> str:
    """Returns the name of a table, or refuses an unknown one."""
    lookup(TABLES, name, "table of parameters")
    return name


def check_severity(severity: int) -> None:
    """Refuses a severity that does not exist.

    Raises:
        ValueError: If it is none of 1 to 5.
    """
    if type(severity) is not int or severity not in SEVERITIES:
        raise ValueError(
            "`severity` must be an integer from 1 to 5. "
            f"Received: severity={severity!r}"
        )
