"""Ranges of numeric fields: stated once, checked when a value is made."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest

from dat_keras.utils.ranges import Range, RangeChecked, ranges_of

Share = Annotated[float, Range(0.0, 1.0)]


@dataclass(frozen=True)
class Settings(RangeChecked):
    share: Share = 0.5
    rate: Annotated[float, Range(0.0, above=True)] | None = None
    grid: tuple[Annotated[int, Range(1)], ...] = (1, 2)
    name: str = "a"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("share", -0.1, r"`share` must be in \[0, 1\]. Received: share=-0.1"),
        ("share", math.nan, "share=nan"),
        ("rate", 0.0, "`rate` must be greater than 0"),
        ("rate", math.inf, "rate=inf"),
        ("grid", (3, 0), r"`grid` must be at least 1. Received: grid=\(3, 0\)"),
    ],
)
def test_numbers_outside_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        Settings(**{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("share", "0.5", r"`share` must be a number. Received: share='0.5'"),
        ("share", True, "`share` must be a number. Received: share=True"),
        ("share", None, "`share` must be a number. Received: share=None"),
        ("rate", "1", "`rate` must be a number or None"),
        ("grid", 3, "`grid` must be a tuple"),
        ("grid", (1.5,), "`grid` must be a tuple"),
        ("name", 3, "`name` must be a text"),
        ("name", str, "Received: name=the class str"),
    ],
)
def test_other_kinds_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        Settings(**{field: value})


def test_bounds_none_and_other_objects_pass():
    Settings(share=0.0), Settings(share=1.0), Settings(share=np.array(2.0))
    assert Settings(rate=None).grid == (1, 2)
    assert ranges_of(Settings).keys() == {"share", "rate", "grid"}
