"""Training methods, and the table of those that are known by name."""

from __future__ import annotations

from dat_keras.objectives.base import Objective, attacked
from dat_keras.objectives.dat import DAT
from dat_keras.objectives.natural import Natural
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.trades import TRADES

OBJECTIVES: dict[str, type[Objective]] = {
    "natural": Natural,
    "pgd-at": PGDAT,
    "trades": TRADES,
    "dat": DAT,
}
"""Training methods by name."""

__all__ = [
    "DAT",
    "OBJECTIVES",
    "PGDAT",
    "TRADES",
    "Natural",
    "Objective",
    "attacked",
]
