"""FAB against its definition in NumPy, step by step: float64, by sorting."""

from collections import namedtuple

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


def next_iterate(x, x0, f, g, length, moving):
    """One step from `x`, given the lead of the target and its gradient."""
    d1 = onto_plane(x, g, f, moving)
    d2 = onto_plane(x0, g, f + g @ (x0 - x), moving)
    a1, a2 = max(length(d1), 1e-8), max(length(d2), 1e-8)
    alpha = min(a1 / (a1 + a2), 0.1)
    x = (1 - alpha) * (x + 1.05 * d1) + alpha * (x0 + 1.05 * d2)
    return np.clip(x, 0, 1)


@pytest.fixture(scope="module")
def images():
    """Flat images, a third of their pixels on faces of the box."""
    draw = np.random.default_rng(2).uniform(-0.25, 1.25, (IMAGES, 24))
    return np.clip(draw, 0, 1).astype("f")


@pytest.fixture(scope="module", params=[2, 4], ids=["second", "fourth"])
def rank(request):
    return request.param


Run = namedtuple("Run", "y target asked seen found least")


@pytest.fixture(scope="module", params=NORMS)
def norm(request):
    return request.param


@pytest.fixture(scope="module")
def run(norm, rank, images):
    """A search in a graph, with all that it saw of the net."""
    net = TanhNet(1)
    x = tf.reshape(images, (-1, *SHAPE))
    order = np.argsort(-net(x).numpy())
    labels = tf.constant(order[:, 0], tf.int32)
    attack = FAB(NORMS[norm][0](0.1), TargetedMargin(rank), steps=STEPS)
    found, least = tf.function(
        lambda: attack.closest(net, x, labels), autograph=False
    )()
    # Two passes a step: at the iterate for its gradient, and at the next one.
    asked = slice(-2 * STEPS, None, 2), slice(-2 * STEPS + 1, None, 2)
    assert len(net.grads) == STEPS and len(net.images) == 2 + 2 * STEPS
    both = [(net.images[each], net.logits[each]) for each in asked]
    return Run(
        order[:, 0],
        order[:, rank - 1],
        (*both[0], net.grads),
        both[1],
        np.reshape(found, (-1, 24)),
        np.array(least),
    )


def test_every_step_is_that_of_the_definition(run, norm, images):
    """Each step starts from the iterate and the gradient that FAB itself saw.

    So no rounding error lives longer than a step, on any machine.
    """
    _, length, moving = NORMS[norm]
    rows = np.arange(IMAGES)
    for x, z, g, after, _ in zip(*run.asked, *run.seen, strict=True):
        z, x, g = z.astype("d"), x.astype("d"), g.astype("d")
        leads = z[rows, run.target] - z[rows, run.y]
        each = zip(x, images.astype("d"), leads, g, strict=True)
        expected = [next_iterate(*row, length, moving) for row in each]
        np.testing.assert_allclose(after, expected, atol=2e-6)


def test_wrong_iterates_take_a_step_back(run, images):
    asked, _, _ = run.asked
    went = []
    np.testing.assert_array_equal(asked[0], images)
    for after, z, then in zip(*run.seen, [*asked[1:], None], strict=True):
        if then is not None:
            wrong = z.argmax(-1) != run.y
            np.testing.assert_array_equal(then[~wrong], after[~wrong])
            back = images + 0.9 * (after - images)
            np.testing.assert_allclose(then[wrong], back[wrong], atol=1e-6)
            went.append(wrong)
    assert np.any(went) and not np.all(went)


def test_the_nearest_wrong_iterate_is_returned(run, norm, images):
    length = NORMS[norm][1]
    after, z = map(np.array, run.seen)
    for row in range(IMAGES):
        wrong = after[:, row][z[:, row].argmax(-1) != run.y[row]]
        if not len(wrong):
            np.testing.assert_array_equal(run.found[row], images[row])
            assert run.least[row] > 1e9
            continue
        far = [length(each - images[row].astype("d")) for each in wrong]
        np.testing.assert_allclose(run.least[row], min(far), rtol=1e-5)
        # Of two that are equally near but for rounding, either may be it.
        chosen = (wrong == run.found[row]).all(-1)
        assert np.array(far)[chosen].min() <= min(far) * (1 + 1e-5)
