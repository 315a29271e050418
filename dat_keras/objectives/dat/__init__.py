"""Dual adversarial training: loss, generator, amplitude mix-up."""

from __future__ import annotations

from dat_keras.objectives.dat.dat import DAT
from dat_keras.objectives.dat.recombined_at import RecombinedAT

__all__ = ["DAT", "RecombinedAT"]
