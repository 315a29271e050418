"""Randomised smoothing: the closed form of a linear classifier, draws, keys."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.certification.smoothing import (
    ABSTAINED,
    BLOCK,
    NoisyVotes,
    Smoothing,
    blocks_of,
)

SHAPE = (2, 3, 1)
W = np.random.default_rng(1).normal(size=6).astype("f")


def linear(x, branch=0):
    """Two classes: the sign of w . x - 0.3."""
    z = tf.tensordot(tf.reshape(x, (-1, 6)), tf.constant(W), 1) - 0.3
    return tf.stack([tf.zeros_like(z), z], axis=-1)


def counter(sigma, x, row=0, seed=0, size=10_000):
    """Votes of an image, in passes of some blocks."""

    def votes(purpose, draws):
        count = tf.function(NoisyVotes(linear, sigma, seed, purpose))
        blocks, used = blocks_of(draws)
        return sum(
            count(
                tf.constant(x),
                tf.constant(row, tf.int64),
                tf.constant(blocks[i : i + size]),
                tf.constant(used[i : i + size]),
            )
            .numpy()
            .sum(0)
            for i in range(0, len(blocks), size)
        )

    return votes


def at_distance(distance):
    """An image whose distance to the boundary is known."""
    w = W.astype("d")
    start = 0.3 * w / (w @ w)
    x = start + distance * w / np.linalg.norm(w)
    return x.reshape(SHAPE).astype("f")


@pytest.mark.parametrize("label", [0, 1])
def test_the_radius_is_the_distance_to_a_linear_boundary(label):
    """P(f = c) = Phi(|w . x + b| / (sigma |w|)), so R is that distance."""
    distance, smoothing = 0.4, Smoothing(sigma=0.5, draws=4000, alpha=0.001)
    x = at_distance(distance if label else -distance)
    found, radius = smoothing.certify(counter(0.5, x))
    assert found == label
    p = NormalDist().cdf(distance / 0.5)
    # Five standard deviations of the share of votes, and the bound's own
    # three, below; never above the distance but once in a thousand.
    spread = 8 * math.sqrt(p * (1 - p) / 4000)
    assert 0.5 * NormalDist().inv_cdf(p - spread) < radius < distance


def test_the_share_of_votes_is_the_normal_probability():
    votes = counter(0.25, at_distance(0.2))("radius", 8000)
    p = NormalDist().cdf(0.2 / 0.25)
    assert votes.sum() == 8000
    assert votes[1] / 8000 == pytest.approx(p, abs=5 * math.sqrt(p / 8000))


def test_all_votes_give_the_largest_radius():
    smoothing = Smoothing(sigma=0.25, draws=1000, alpha=0.01)
    label, radius = smoothing.certify(
        lambda purpose, draws: np.array([0, 1000])
    )
    assert label == 1
    largest = 0.25 * NormalDist().inv_cdf(0.01 ** (1 / 1000))
    assert radius == pytest.approx(largest, rel=1e-9)


def test_votes_that_are_nearly_even_abstain():
    smoothing = Smoothing(sigma=0.25, draws=100)
    even = lambda purpose, draws: np.array([45, 55])  # noqa: E731
    assert smoothing.certify(even) == (ABSTAINED, 0.0)
    assert smoothing.predict(even) == ABSTAINED
    sure = lambda purpose, draws: np.array([10, 90])  # noqa: E731
    assert smoothing.predict(sure) == 1
    # 2 P(X >= 66) = 0.0018 and 2 P(X >= 67) = 0.0009 of 100 fair coins.
    for first, expected in ((66, ABSTAINED), (67, 1)):
        votes = np.array([100 - first, first])
        assert smoothing.predict(lambda purpose, draws, v=votes: v) == expected


def test_draws_do_not_depend_on_the_batch():
    x = at_distance(0.1)
    votes = [counter(0.5, x, size=size)("radius", 202) for size in (1, 7, 100)]
    assert all((other == votes[0]).all() for other in votes)
    assert votes[0].sum() == 202


def test_draws_belong_to_seed_image_and_purpose():
    seen = []

    def watched(x, branch=0):
        seen.append(x)
        return linear(x)

    def noise(row=0, seed=0, purpose="radius", blocks=(0, 1)):
        count = NoisyVotes(watched, 1.0, seed, purpose)
        used = tf.fill((len(blocks),), BLOCK)
        row = tf.constant(row, tf.int64)
        count(tf.zeros(SHAPE), row, tf.constant(blocks, tf.int64), used)
        return seen[-1].numpy()

    first = noise()
    np.testing.assert_array_equal(first, noise())
    np.testing.assert_array_equal(first[BLOCK:], noise(blocks=(1,)))
    assert len(np.unique(first)) == first.size
    for other in (noise(row=1), noise(seed=1), noise(purpose="selection")):
        assert not np.intersect1d(first, other).size


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sigma": 0.0}, "`sigma` must be greater than 0"),
        ({"sigma": 0.1, "draws": 0}, "`draws` must be at least 1"),
        ({"sigma": 0.1, "alpha": 1.0}, r"`alpha` must be in \(0, 1\)"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        Smoothing(**settings)
