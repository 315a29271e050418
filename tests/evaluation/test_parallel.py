"""Shares of a batch: the same rows, computed side by side."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.evaluation import parallel


@pytest.fixture
def three_cores(monkeypatch):
    monkeypatch.setattr(parallel, "cpu_cores", lambda: 3)
    parallel._pool.cache_clear()
    yield
    parallel._pool.cache_clear()


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(1, [4]), (8, [8]), (9, [8, 4]), (24, [8] * 3), (100, [36] * 3)],
)
def test_rows_come_back_in_order(three_cores, rows, sizes):
    seen = []

    def double(x, y):
        seen.append(len(x))
        return tf.constant(2 * x + y)

    x, y = np.arange(rows), np.arange(rows) ** 2
    found = parallel.run_in_parallel(double, x, y)
    assert np.array_equal(found, 2 * x + y)
    assert sorted(seen, reverse=True) == sizes


def test_shares_run_at_the_same_time(three_cores):
    # Each waits for the others: one after the other they would never end.
    together = threading.Barrier(3, timeout=20)

    def meet(x):
        together.wait()
        return x

    assert len(parallel.run_in_parallel(meet, np.arange(30))) == 30


def test_an_error_in_a_share_comes_out(three_cores):
    def fail(x):
        raise ValueError(f"row {x[0]}")

    with pytest.raises(ValueError, match="row 0"):
        parallel.run_in_parallel(fail, np.arange(30))
