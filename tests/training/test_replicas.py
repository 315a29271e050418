"""Two replicas with half the batch each do what one does with the whole."""

import numpy as np
import pytest
import tensorflow as tf
from replicas import METHODS, built, differences, state, step_on, two_replicas

MARKS = {
    "trades": (),
    "dat fused": pytest.mark.thorough,
    "las-at": pytest.mark.thorough,
}
"""The others take half a minute each, and share most of their code."""


def after_one_step(strategy, batch, sizes, name):
    model = built(strategy, name, sizes, rate=0.1)
    step_on(strategy, model, batch, sizes)
    return model


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=MARKS.get(name, pytest.mark.slow))
        for name in METHODS
    ],
)
def test_two_halves_are_one_batch(name, batch):
    sizes = (5, 3)
    one, two = (
        after_one_step(strategy, batch, rows, name)
        for strategy, rows in (
            (tf.distribute.get_strategy(), (8,)),
            (two_replicas(), sizes),
        )
    )
    for (path, a), b in zip(
        state(one).items(), state(two).values(), strict=True
    ):
        np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-5, err_msg=path)
    for key, metric in one.train_metrics.items():
        assert float(two.train_metrics[key].result()) == pytest.approx(
            float(metric.result()), rel=1e-4, abs=1e-6
        ), key


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.thorough
            if name == "natural"
            else pytest.mark.slow,
        )
        for name in METHODS
    ],
)
def test_ten_steps_of_two_halves_are_those_of_one_batch(name):
    """Far above what ten steps make of rounding, far below a wrong share."""
    found = differences(two_replicas(), name)
    worst = max(found, key=found.get)
    assert found[worst] < 1e-3, (worst, found[worst])
