"""Ranges that numeric fields of several methods share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from dat_keras.utils.ranges import Range

Share: TypeAlias = Annotated[float, Range(0.0, 1.0)]
"""A number in `[0, 1]`."""
Weight: TypeAlias = Annotated[float, Range(0.0)]
"""A factor on a loss term, or a learning rate: 0 turns it off."""
