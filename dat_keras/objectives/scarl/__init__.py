"""SCARL: adversarial features tied to word vectors of their classes."""

from __future__ import annotations

from dat_keras.objectives.scarl.scarl import SCARL

__all__ = ["SCARL"]
