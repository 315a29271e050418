"""Schedule of the window sizes of Square, from large to small."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dat_keras.core.threat_models import L1, L2, Linf, ThreatModel

P_INIT = 0.8
"""Share of the pixels in the first windows (AutoAttack)."""
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""The last query before each halving of the share."""


def _odd(side: int) -> int:
    side = max(side, 3)
    return side + 1 - side % 2


_SIDE: dict[type[ThreatModel], Callable[[int], int]] = {
    Linf: lambda side: max(side, 1),
    L2: _odd,
    L1: _odd,
}


def sides(
    norm: type[ThreatModel], queries: int, height: int, width: int
) -> np.ndarray:
    """Returns the side of the window of each query, in pixels.

    The schedule is that of 10 000 queries, whatever their number.

    Args:
        norm: `Linf`; `L2` and `L1`, whose windows have odd sides from 3 on.
        queries: Number of queries.
        height: Of the images.
        width: Of the images.

    Example:
    >>> sides(Linf, 5000, 32, 32)[[0, 10, 11, 4999]].tolist()
    [29, 29, 20, 3]

    Reference:
        [Andriushchenko et al., 2020](https://arxiv.org/abs/1912.00049)
    """
    halved = np.searchsorted(HALVINGS, np.arange(queries), side="left")
    by_share = [
        min(
            _SIDE[norm](round(math.sqrt(P_INIT / 2**k * height * width))),
            height,
            width,
        )
        for k in range(len(HALVINGS) + 1)
    ]
    return np.array(by_share, np.int32)[halved]
