"""Draws are pure functions of seed, position and purpose."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.random import BatchKey, RowKey

KEYS = {
    "batch": lambda seed=0: BatchKey.of(seed, 5),
    "row": lambda seed=0: RowKey.of(seed, [4, 9, 2, 7]),
}
DRAWS = {
    "uniform": lambda key, shape=(4, 50): key.uniform(shape).numpy(),
    "normal": lambda key, shape=(4, 50): key.normal(shape).numpy(),
}


@pytest.fixture(params=KEYS)
def make(request):
    return KEYS[request.param]


@pytest.fixture(params=DRAWS)
def draw(request):
    return DRAWS[request.param]


def test_same_key_draws_the_same_numbers(make, draw):
    np.testing.assert_array_equal(draw(make()), draw(make()))


def test_graph_and_eager_draw_the_same_numbers(make):
    in_graph = tf.function(lambda: make().fold_in("a").uniform((4, 50)))()
    np.testing.assert_array_equal(
        in_graph, make().fold_in("a").uniform((4, 50))
    )


@pytest.mark.parametrize("method", ["uniform", "normal"])
def test_xla_draws_the_same_numbers(make, method):
    draws = [
        tf.function(
            lambda: getattr(make().fold_in("a"), method)((4, 50)),
            jit_compile=jit_compile,
            autograph=False,
        )()
        for jit_compile in (False, True)
    ]
    np.testing.assert_allclose(*draws, rtol=1e-5, atol=1e-6)


def test_purposes_are_independent(make, draw):
    key = make()
    keys = [
        key,
        make(seed=1),
        key.fold_in("a"),
        key.fold_in("b"),
        key.fold_in(0),
        key.fold_in(1),
        key.fold_in("a").fold_in("b"),
        key.fold_in("b").fold_in("a"),
    ]
    draws = np.stack([draw(k, (4, 2000)).ravel() for k in keys])
    correlation = np.corrcoef(draws) - np.eye(len(keys))
    assert np.abs(correlation).max() < 0.05


def test_rows_of_a_draw_are_independent(make, draw):
    correlation = np.corrcoef(draw(make(), (4, 5000))) - np.eye(4)
    assert np.abs(correlation).max() < 0.06


def test_steps_are_independent():
    a, b = (BatchKey.of(0, step).normal((5000,)).numpy() for step in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.05


def test_a_tensor_and_a_number_are_the_same_purpose(make):
    np.testing.assert_array_equal(
        make().fold_in(3).uniform((4, 2)),
        make().fold_in(tf.constant(3)).uniform((4, 2)),
    )


def test_uniform_fills_its_range(make):
    numbers = make().uniform((4, 5000), -2.0, 6.0).numpy()
    assert numbers.dtype == np.float32
    assert numbers.min() >= -2 and numbers.max() < 6
    assert abs(numbers.mean() - 2) < 0.1
    assert abs(numbers.std() - 8 / 12**0.5) < 0.1


def test_normal_is_standard(make):
    numbers = make().normal((4, 5000)).numpy()
    assert abs(numbers.mean()) < 0.03 and abs(numbers.std() - 1) < 0.03
    # Shares within one, two and three standard deviations.
    for deviations, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert abs((np.abs(numbers) < deviations).mean() - share) < 0.015


def test_large_seeds_are_kept_apart():
    a, b = (BatchKey.of(seed, 0).uniform((4,)) for seed in (2**40, 2**40 + 1))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("rows", [[9], [2, 9], [9, 4, 2, 7, 0]])
def test_row_draws_do_not_depend_on_the_batch(draw, rows):
    everyone = draw(RowKey.of(3, range(10)).fold_in("start"), (10, 3, 2))
    some = draw(RowKey.of(3, rows).fold_in("start"), (len(rows), 3, 2))
    np.testing.assert_array_equal(some, everyone[rows])


@pytest.mark.parametrize("method", ["uniform", "normal"])
def test_replicas_share_the_draw_of_the_global_batch(method):
    devices = [d.name for d in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(devices)

    @tf.function
    def run():
        return strategy.run(
            lambda: getattr(BatchKey.of(0, 1).fold_in("a"), method)((3, 2))
        )

    parts = strategy.experimental_local_results(run())
    assert len(parts) == 2
    alone = getattr(BatchKey.of(0, 1).fold_in("a"), method)((6, 2))
    np.testing.assert_array_equal(np.concatenate(parts), alone)
