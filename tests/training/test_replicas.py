"""Two replicas with half the batch each do what one does with the whole."""

import pytest
from replicas import METHODS, differences, two_replicas

CLOSE = 1e-3
"""Far above what ten steps make of rounding, far below a wrong share."""
MARKS = {"dat fused": (), "las-at": pytest.mark.thorough}
"""The others take half a minute each, and share most of their code."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=MARKS.get(name, pytest.mark.slow))
        for name in METHODS
    ],
)
def test_ten_steps_of_two_halves_are_those_of_one_batch(name):
    found = differences(two_replicas(), name)
    worst = max(found, key=found.get)
    assert found[worst] < CLOSE, (worst, found[worst])
