import numpy as np

from dat_keras.data.draws import bits, permutation, uniform


def test_bits_are_those_of_philox():
    # The first words of NumPy's Philox4x64-10 for key (7, crc32(b"a") << 32).
    key = np.array([7, 0xE8B7BE43 << 32], np.uint64)
    words = np.random.Philox(key=key).random_raw(5)
    np.testing.assert_array_equal(bits(5, 7, "a"), words)


def test_seed_purpose_and_index_give_independent_draws():
    draws = [bits(8, *a) for a in ((0, "a"), (1, "a"), (0, "b"), (0, "a", 1))]
    assert len(np.unique(np.concatenate(draws))) == 32


def test_uniform_fills_the_unit_interval():
    values = uniform((10_000,), 0, "test")
    assert values.min() >= 0 and values.max() < 1
    assert abs(values.mean() - 0.5) < 0.01
    assert abs(values.var() - 1 / 12) < 0.005


def test_permutation_is_pinned():
    order = permutation(8, 0, "pinned")
    assert order.tolist() == [0, 2, 5, 1, 7, 4, 6, 3]
    assert sorted(permutation(1000, 3, "x")) == list(range(1000))
