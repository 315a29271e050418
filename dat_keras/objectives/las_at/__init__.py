"""LAS-AT and LAS-TRADES: attack strengths chosen by a learned strategy."""

from __future__ import annotations

from dat_keras.objectives.las_at.las_at import LASAT
from dat_keras.objectives.las_at.las_trades import LASTRADES

__all__ = ["LASAT", "LASTRADES"]
