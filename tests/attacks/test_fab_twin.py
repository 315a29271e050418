"""FAB against a twin in NumPy: float64, one image at a time, by sorting."""

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import TanhNet

from dat_keras.attacks.boundaries import TargetedMargin
from dat_keras.attacks.fab import FAB
from dat_keras.core.threat_models import L2, Linf

SHAPE = (4, 3, 2)
IMAGES = 30
STEPS = 40


def largest(d):
    return np.abs(d).max()


def moving_linf(g):
    """Weights and paces of the pixels: all that count move at one pace."""
    moves = g != 0
    return np.abs(g) * moves, 1.0 * moves


def moving_l2(g):
    moves = np.abs(g) > 1e-8
    return g**2 * moves, np.abs(g) * moves


NORMS = {
    "linf": (Linf, largest, moving_linf),
    "l2": (L2, np.linalg.norm, moving_l2),
}


def onto_plane(p, g, c, moving):
    """The move from `p` that lowers `<g, .>` by `c` inside the box."""
    if c < 0:
        g, c = -g, -c
    weight, pace = moving(g)
    room = np.where(g > 0, p, 1 - p) * (pace > 0)
    stops = np.divide(room, pace, out=np.zeros_like(room), where=pace > 0)
    if weight @ stops <= c:
        return -np.sign(g) * room
    order = np.argsort(stops)
    # At each stop, what was gained and how fast more is gained after it.
    before = np.concatenate([[0], np.cumsum(weight[order] * stops[order])])
    rate = weight.sum() - np.concatenate([[0], np.cumsum(weight[order])])
    ends = np.concatenate([[0], stops[order]])
    segment = np.flatnonzero(before + rate * ends <= c)[-1]
    theta = (c - before[segment]) / rate[segment]
    return -np.sign(g) * np.minimum(theta * pace, room)


def twin(net, x0, y, t, length, moving):
    """All iterates, the nearest broken one and its distance."""
    towards = np.eye(5)[t] - np.eye(5)[y]
    x, nearest, best, seen = x0, x0, 1e10, []
    for _ in range(STEPS):
        _, f, g = net.look(x, lambda z: (z @ towards, towards))
        d1 = onto_plane(x, g, f, moving)
        d2 = onto_plane(x0, g, f + g @ (x0 - x), moving)
        a1, a2 = max(length(d1), 1e-8), max(length(d2), 1e-8)
        alpha = min(a1 / (a1 + a2), 0.1)
        x = (1 - alpha) * (x + 1.05 * d1) + alpha * (x0 + 1.05 * d2)
        x = np.clip(x, 0, 1)
        seen.append(x)
        if (np.tanh(x @ net.w) @ net.v).argmax() != y:
            if length(x - x0) < best:
                nearest, best = x, length(x - x0)
            x = x0 + 0.9 * (x - x0)
    return np.array(seen), nearest, best


@pytest.fixture(scope="module")
def images():
    """Flat images, a third of their pixels on faces of the box."""
    draw = np.random.default_rng(2).uniform(-0.25, 1.25, (IMAGES, 24))
    return np.clip(draw, 0, 1).astype("f")


@pytest.fixture(scope="module", params=[2, 4], ids=["second", "fourth"])
def rank(request):
    return request.param


@pytest.fixture(scope="module", params=NORMS)
def both(request, rank, images):
    """Ours, with all iterates that the classifier saw, and the twin's."""
    norm, length, moving = NORMS[request.param]
    net, exact = TanhNet(1), TanhNet(1, "d")
    z = np.tanh(images @ exact.w) @ exact.v
    order = np.argsort(-z)
    y, target = order[:, 0], order[:, rank - 1]
    seen = []

    def predict(x, branch=0):
        seen.append(np.array(x).reshape(-1, 24))
        return net(x)

    x = tf.reshape(images, (-1, *SHAPE))
    attack = FAB(norm(0.1), TargetedMargin(rank), steps=STEPS)
    found, least = attack.closest(predict, x, tf.constant(y, tf.int32))
    # After the ranking at the clean image, two passes a step: at the iterate
    # for its gradient, and at the next one.
    ours = np.array(seen[2::2]), np.reshape(found, (-1, 24)), np.array(least)
    theirs = [
        twin(exact, image.astype("d"), *labels, length, moving)
        for image, *labels in zip(images, y, target, strict=True)
    ]
    return ours, [np.array(each) for each in zip(*theirs, strict=True)]


def test_the_iterates_are_the_twins(both):
    (ours, _, _), (theirs, _, _) = both
    assert ours.shape == (STEPS, IMAGES, 24)
    np.testing.assert_allclose(ours.swapaxes(0, 1), theirs, atol=2e-6)


def test_what_is_found_is_the_twins(both):
    (_, found, least), (_, nearest, best) = both
    np.testing.assert_allclose(least, best, rtol=2e-5)
    # Late iterates lie so near to each other that rounding chooses.
    apart = np.abs(found - nearest).max(axis=-1)
    assert np.quantile(apart, 0.8) < 1e-5 and apart.max() < 5e-4
