"""The move to a hyperplane inside the box, by hand and by brute force."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks.projection import to_hyperplane
from dat_keras.core.threat_models import L2, Linf

CASES = [
    # point, normal, offset of the plane, move in Linf, move in L2
    ((0.5, 0.5), (1, 1), 0.8, (-0.1, -0.1), (-0.1, -0.1)),
    ((0.05, 0.5), (1, 1), 0.3, (-0.05, -0.2), (-0.05, -0.2)),
    ((0.5, 0.5), (2, 1), 1.0, (-1 / 6, -1 / 6), (-0.2, -0.1)),
    ((0.1, 0.1), (1, 1), -1.0, (-0.1, -0.1), (-0.1, -0.1)),
    ((0.2, 0.98), (1, -1), -0.9, (-0.1, 0.02), (-0.1, 0.02)),
    ((0.05, 0.9), (4, 1), 0.7, (-0.05, -0.2), (-0.05, -0.2)),
    ((0.5, 0.5), (0, 1), 0.4, (0, -0.1), (0, -0.1)),
    ((0.5, 0.5), (0, 0), 0.4, (0, 0), (0, 0)),
]


def move(norm, point, normal, offset):
    point, normal = np.array(point, "f"), np.array(normal, "f")
    shape = (1, 1, point.size, 1)
    gap = tf.constant([np.float32(point @ normal - offset)])
    return (
        to_hyperplane(norm, point.reshape(shape), normal.reshape(shape), gap)
        .numpy()
        .ravel()
    )


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case, assert_close):
    point, normal, offset, linf, l2 = case
    assert_close(move(Linf, point, normal, offset), linf)
    assert_close(move(L2, point, normal, offset), l2)
    # The other side: mirrored images have mirrored moves.
    mirrored = 1 - np.array(point)
    turned = np.sum(normal) - offset
    assert_close(move(Linf, mirrored, normal, turned), np.negative(linf))
    assert_close(move(L2, mirrored, normal, turned), np.negative(l2))


def bisected(point, normal, gap, speed):
    """The same by bisection on the clock, in float64."""
    room = np.where(normal > 0, point, 1 - point)

    def clock(theta):
        return np.minimum(theta * speed, room)

    low, high = 0.0, 1.0
    while (np.abs(normal) * clock(high)).sum() < gap and high < 1e9:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        short = (np.abs(normal) * clock(middle)).sum() < gap
        low, high = (middle, high) if short else (low, middle)
    return -np.sign(normal) * clock(high)


@pytest.mark.parametrize(
    ("norm", "speed"), [(Linf, np.ones_like), (L2, np.abs)]
)
def test_random_problems_equal_bisection(norm, speed):
    rng = np.random.default_rng(0)
    shape = (40, 6, 5, 2)
    point = np.clip(rng.uniform(-0.25, 1.25, shape), 0, 1).astype("f")
    normal = rng.normal(size=shape).astype("f")
    gap = (rng.uniform(0, 12, 40) * rng.choice([-1, 1], 40)).astype("f")
    found = to_hyperplane(norm, point, normal, gap).numpy()
    assert (point + found >= -1e-6).all() and (point + found <= 1 + 1e-6).all()
    for i in range(40):
        n = np.sign(gap[i]) * normal[i].astype(float)
        expected = bisected(point[i].astype(float), n, abs(gap[i]), speed(n))
        np.testing.assert_allclose(found[i], expected, atol=1e-5)
        np.testing.assert_allclose(
            (n * found[i]).sum(), -abs(gap[i]), rtol=1e-5, atol=1e-5
        )


def test_rows_do_not_wait_for_each_other(assert_close):
    point = np.tile(
        np.array([0.05, 0.5], "f").reshape(1, 1, 2, 1), (2, 1, 1, 1)
    )
    normal = np.ones((2, 1, 2, 1), "f")
    both = to_hyperplane(Linf, point, normal, tf.constant([0.25, 9.0]))
    assert_close(both.numpy().reshape(2, 2), [[-0.05, -0.2], [-0.05, -0.5]])
