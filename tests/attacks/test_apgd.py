"""APGD against its definition in NumPy, step by step."""

from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import TanhNet

from dat_keras.attacks.apgd import APGD, checkpoints
from dat_keras.attacks.dlr import DLR, TargetedDLR
from dat_keras.attacks.losses import AttackLoss, CarliniWagner, CrossEntropy
from dat_keras.attacks.starts import Start, SurfaceStart
from dat_keras.core.random import BatchKey, RowKey
from dat_keras.core.threat_models import L2, Linf

SHAPE = (4, 3, 2)
CLASSES = 5


@pytest.mark.parametrize(
    ("steps", "ends", "periods"),
    [
        (100, [22, 41, 57, 70, 80, 87, 93, 99], [22, 19, 16, 13, 10, 7, 6, 6]),
        (50, [11, 21, 30, 38, 45], [11, 10, 9, 8, 7]),
        (20, [4, 7, 9, *range(10, 21)], [4, 3, 2] + 11 * [1]),
        (10, [2, *range(3, 11)], [2] + 8 * [1]),
    ],
)
def test_checkpoints_are_those_of_the_paper(steps, ends, periods):
    found = {i: k for i, k in enumerate(checkpoints(steps)) if k}
    assert list(found) == ends and list(found.values()) == periods


def cross_entropy(z, y, clean):
    p = np.exp(z - z.max())
    p /= p.sum()
    return -np.log(p[y]), p - np.eye(CLASSES)[y]


def ratio(z, y, rival, ends):
    unit, order = np.eye(CLASSES), np.argsort(-z)
    down = unit[order[0]] - sum(unit[order[e]] for e in ends) / len(ends)
    value = -(z[y] - z[rival]) / (z @ down)
    return value, (unit[rival] - unit[y] - value * down) / (z @ down)


def difference(z, y, clean):
    rival = next(k for k in np.argsort(-z) if k != y)
    return ratio(z, y, rival, (2,))


def targeted(z, y, clean):
    return ratio(z, y, np.argsort(-clean)[2], (2, 3))


def unit_of(g):
    return g / (np.linalg.norm(g) + 1e-12)


def cube(v, x, eps):
    return np.clip(np.clip(v, x - eps, x + eps), 0, 1)


def sphere(v, x, eps):
    d = v - x
    length = np.linalg.norm(d)
    return np.clip(x + d / (length + 1e-12) * min(length, eps), 0, 1)


NORMS = {"linf": (Linf, 0.04, np.sign, cube), "l2": (L2, 0.2, unit_of, sphere)}
LOSSES = {
    "ce": (CrossEntropy(), cross_entropy),
    "dlr": (DLR(), difference),
    "dlr-t": (TargetedDLR(3), targeted),
}


@dataclass(frozen=True)
class Noted(AttackLoss):
    """A loss that keeps all values it returns."""

    loss: AttackLoss
    values: list = field(default_factory=list)

    def bind(self, predict, x, y):
        bound = self.loss.bind(predict, x, y)

        def note(values):
            self.values.append(values)
            return values

        @tf.custom_gradient
        def noted(values):
            same = tf.numpy_function(note, [values], tf.float32)
            return tf.ensure_shape(same, values.shape), tf.identity

        return lambda logits: noted(bound(logits))


class Given(Start):
    """The same offset for every image."""

    def __call__(self, threat_model, x, key):
        rng = np.random.default_rng(0)
        noise = rng.uniform(-1, 1, x.shape) * threat_model.eps / 5
        return tf.clip_by_value(x + tf.constant(noise, tf.float32), 0, 1)


Run = namedtuple("Run", "x y x_adv seen values clean")


@pytest.fixture(scope="module", params=[10, 50])
def steps(request):
    return request.param


@pytest.fixture(scope="module", params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(scope="module", params=NORMS)
def norm(request):
    return request.param


@pytest.fixture(scope="module")
def run(norm, loss, steps):
    """An attack in a graph, with all that it saw of the net and the loss."""
    make, eps, *_ = NORMS[norm]
    net, noted = TanhNet(1), Noted(LOSSES[loss][0])
    x = np.random.default_rng(2).uniform(size=(24, *SHAPE)).astype("f")
    y = net(tf.constant(x)).numpy().argmax(-1)
    attack = APGD(make(eps), noted, steps=steps, start=Given())
    labels, key = tf.constant(y, tf.int32), BatchKey.of(0, 0)
    x_adv = tf.function(
        lambda: attack(net, tf.constant(x), labels, key), autograph=False
    )()
    clean, flat = net.logits[0], x.reshape(24, -1)
    # The start and all steps; what came before saw the clean images.
    net.images, net.logits = net.images[-steps - 1 :], net.logits[-steps - 1 :]
    start = Given()(attack.threat_model, tf.constant(x), None)
    np.testing.assert_array_equal(net.images[0], np.reshape(start, (24, -1)))
    assert len(net.grads) == len(noted.values) == len(net.images) == steps + 1
    return Run(flat, y, np.reshape(x_adv, (24, -1)), net, noted.values, clean)


def test_loss_and_gradient_are_those_of_the_logits(run, loss):
    """At the logits that the attack saw, so that both take the same rival."""
    of = LOSSES[loss][1]
    for z, value, slope in zip(
        run.seen.logits, run.values, run.seen.upstream, strict=True
    ):
        expected = [
            of(*a) for a in zip(z.astype("d"), run.y, run.clean, strict=True)
        ]
        values, slopes = zip(*expected, strict=True)
        np.testing.assert_allclose(value, values, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(slope, slopes, rtol=1e-4, atol=1e-5)


def replay(run, row, steps, norm):
    """The decisions on one image, and the next iterate that each leads to.

    Args:
        run: What the attack saw.
        row: Number of the image.
        steps: Number of steps.
        norm: Of the ball.

    Returns:
        Distance of each iterate to the one that the definition makes of what
        was seen before it, which iterate to return, and whether it is wrong.
    """
    _, eps, direction, project = NORMS[norm]
    x, y = run.x[row].astype("d"), run.y[row]
    points = [each[row].astype("d") for each in run.seen.images]
    grads = [each[row].astype("d") for each in run.seen.grads]
    values = [each[row] for each in run.values]
    best = at = before = 0
    size, off = 2 * eps, []
    # The unused last entry is what the first step is compared with.
    history = np.zeros(steps + 1, "f")
    period, since = max(int(0.22 * steps), 1), 0
    last_best, reduced = values[0], True
    wrong = [each[row].argmax() != y for each in run.seen.logits]
    for i in range(0 if wrong[0] else steps):
        u = project(points[at] + size * direction(grads[at]), x, eps)
        a = 0.75 if i else 1.0
        momentum = points[at] - points[before]
        u = points[at] + a * (u - points[at]) + (1 - a) * momentum
        off.append(np.abs(project(u, x, eps) - points[i + 1]).max())
        before, at, history[i] = at, i + 1, values[i + 1]
        if wrong[at]:
            return off, at, True
        if values[at] > values[best]:
            best = at
        since += 1
        if since == period:
            window = range(i - period + 1, i + 1)
            rises = sum(history[j] > history[j - 1] for j in window)
            stuck = not reduced and last_best >= values[best]
            reduced = rises <= 0.75 * period or stuck
            if reduced:
                size, at = size / 2, best
            last_best, since = values[best], 0
            period = max(
                period - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1)
            )
    return off, best, wrong[0]


def test_every_step_is_that_of_the_definition(run, steps, norm):
    """Each step is computed from the iterates that the attack itself saw.

    Two searches of many steps part wherever a rounding error turns the sign
    of a gradient or the order of two losses. One step amplifies nothing, and
    decisions are made on the very numbers that the attack compared.
    """
    unbroken = 0
    for row in range(24):
        off, best, wrong = replay(run, row, steps, norm)
        assert max(off, default=0) < 2e-6
        np.testing.assert_array_equal(
            run.x_adv[row], run.seen.images[best][row]
        )
        unbroken += not wrong
    assert 4 < unbroken < 22


@pytest.mark.parametrize("norm", [Linf, L2])
def test_start_lies_on_the_surface(norm, key):
    x = tf.fill((3, *SHAPE), 0.5)
    start = SurfaceStart()(norm(0.1), x, key)
    np.testing.assert_allclose(norm(0.1).distance(start, x), 0.1, rtol=1e-5)


@pytest.mark.parametrize("norm", [Linf, L2])
@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_stays_in_ball_and_box(norm, eps, key):
    net = TanhNet(3)
    x = tf.random.stateless_uniform((6, *SHAPE), (0, 2))
    y = tf.argmax(net(x), -1, tf.int32)
    x_adv = APGD(norm(eps), steps=6)(net, x, y, key).numpy()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    assert (
        (norm(eps).distance(x_adv, x) <= eps * (1 + 1e-5) + 1e-6).numpy().all()
    )
    assert eps or np.array_equal(x_adv, x)


class OnGrid(Start):
    """Random offsets by multiples of 1/256."""

    def __call__(self, threat_model, x, key):
        return x + tf.round(8 * key.uniform(tf.shape(x), -1.0, 1.0)) / 256


def test_rows_do_not_depend_on_their_batch():
    """Every number but the net's is a dyadic fraction, so no step rounds."""
    net = TanhNet(4)
    attack = APGD(Linf(1 / 16), CarliniWagner(), steps=5, start=OnGrid())
    draws = np.random.default_rng(5).integers(0, 257, (6, *SHAPE))
    x = tf.constant(draws / 256, tf.float32)
    y = tf.argmax(net(x), -1, tf.int32)
    together = attack(net, x, y, RowKey.of(0, range(6)))
    part = [4, 1]
    alone = attack(
        net, tf.gather(x, part), tf.gather(y, part), RowKey.of(0, part)
    )
    np.testing.assert_array_equal(alone, together.numpy()[part])


def test_a_gradient_of_nan_comes_out(key):
    @tf.custom_gradient
    def lost(x):
        return tf.identity(x), lambda upstream: upstream * float("nan")

    def predict(x, branch=0):
        return lost(x)[:, 0, 0, :] + tf.constant([1.0, 0.0])

    x, y = tf.fill((1, *SHAPE), 0.5), tf.constant([0])
    assert np.isnan(APGD(Linf(0.1), steps=3)(predict, x, y, key)).any()
