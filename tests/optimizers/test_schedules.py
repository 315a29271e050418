"""Schedules against closed forms."""

import math

import numpy as np
import pytest

from dat_keras.optimizers.schedules import (
    CosineConfig,
    OneCycle,
    OneCycleConfig,
    StepDrop,
    StepDropConfig,
)


def values(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_drops_count_completed_epochs():
    schedule = StepDropConfig((3, 5)).build(0.1, epochs=6, steps_per_epoch=10)
    assert schedule == StepDrop(0.1, (30, 50))
    np.testing.assert_allclose(
        values(schedule, [0, 29, 30, 49, 50, 10**6]),
        [0.1, 0.1, 0.01, 0.01, 0.001, 0.001],
        rtol=1e-6,
    )


@pytest.mark.parametrize("epochs", [(100, 80), (80, 80)])
def test_drops_out_of_order_are_refused(epochs):
    with pytest.raises(ValueError, match="must grow from drop to drop"):
        StepDropConfig(epochs)


def test_step_drop_without_boundaries_is_constant():
    assert values(StepDrop(0.5, ()), [0, 99]) == [0.5, 0.5]


def test_cosine_decay_is_the_formula_per_epoch():
    schedule = CosineConfig().build(0.2, epochs=4, steps_per_epoch=10)
    # lr * 0.5 * (1 + cos(pi * (e - 1) / E)) for e = 1, ..., E
    expected = [
        0.2 * 0.5 * (1 + math.cos(math.pi * (e - 1) / 4)) for e in (1, 2, 3, 4)
    ]
    np.testing.assert_allclose(
        values(schedule, [0, 10, 20, 30]), expected, rtol=1e-5
    )
    np.testing.assert_allclose(
        values(schedule, [9, 19, 29, 39]), expected, rtol=1e-5
    )


def test_cosine_decay_can_warm_up_by_equal_steps():
    schedule = CosineConfig(warmup=2).build(0.2, epochs=4, steps_per_epoch=10)
    plain = CosineConfig().build(0.2, epochs=4, steps_per_epoch=10)
    # e / 2 of it in epochs e = 1 and 2.
    factors = [0.5, 0.5, 1.0, 1.0, 1.0, 1.0]
    steps = [0, 9, 10, 19, 20, 39]
    np.testing.assert_allclose(
        values(schedule, steps),
        np.multiply(factors, values(plain, steps)),
        rtol=1e-6,
    )


def test_a_cosine_after_the_warm_up_spans_the_other_epochs():
    config = CosineConfig(warmup=10, after_warmup=True)
    schedule = config.build(0.2, epochs=110, steps_per_epoch=2)
    # Epochs e from 1: e / 10 of the rate, then a cosine of (e - 11) / 100.
    expected = [0.02, 0.2, 0.2, 0.1, 0.1 * (1 + math.cos(0.99 * math.pi))]
    found = values(schedule, [0, 18, 20, 120, 219])
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    short = config.build(0.2, epochs=3, steps_per_epoch=2)
    np.testing.assert_allclose(values(short, [0, 5]), [0.02, 0.06], rtol=1e-6)


def test_one_cycle_has_pytorchs_endpoints():
    schedule = OneCycleConfig().build(0.5, epochs=10, steps_per_epoch=2)
    # Twenty steps: the peak is at 0.3 * 20 - 1 = 5, the end at 19.
    first, last = 0.5 / 25, 0.5 / 25 / 1e4
    halfway_up, halfway_down = (first + 0.5) / 2, (0.5 + last) / 2
    np.testing.assert_allclose(
        values(schedule, [0, 5, 12, 19, 30]),
        [first, 0.5, halfway_down, last, last],
        rtol=1e-3,
    )
    quarter = first + (0.5 - first) * 0.5 * (1 - math.cos(math.pi / 5))
    np.testing.assert_allclose(values(schedule, [1]), [quarter], rtol=1e-5)
    np.testing.assert_allclose(
        values(OneCycle(0.5, 10), [1]), [halfway_up], rtol=1e-5
    )


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 10])
def test_one_cycle_is_finite_on_short_runs(steps):
    rates = np.array(values(OneCycle(0.5, steps), range(steps)))
    assert np.all((rates > 0) & (rates <= 0.5))
