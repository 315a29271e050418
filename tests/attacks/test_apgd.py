"""APGD against a twin in NumPy that keeps the whole history of losses."""

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import TanhNet

from dat_keras.attacks.apgd import APGD, checkpoints
from dat_keras.attacks.dlr import DLR, TargetedDLR
from dat_keras.attacks.losses import CrossEntropy
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
    return -np.log(p[y]), p - np.eye(CLASSES, dtype="f")[y]


def ratio(z, y, rival, ends):
    unit, order = np.eye(CLASSES, dtype="f"), np.argsort(-z)
    low = sum(unit[order[e]] for e in ends) / len(ends)
    down = unit[order[0]] - low
    scale = z @ down + np.float32(1e-12)
    value = -(z[y] - z[rival]) / scale
    return value, (unit[rival] - unit[y]) / scale - value / scale * down


def difference(z, y, clean):
    rival = next(k for k in np.argsort(-z) if k != y)
    return ratio(z, y, rival, (2,))


def targeted(z, y, clean):
    return ratio(z, y, np.argsort(-clean)[2], (2, 3))


def sign_of(g):
    return np.sign(g)


def unit_of(g):
    return g / (np.linalg.norm(g) + 1e-12)


def cube(v, x, eps):
    return np.clip(np.clip(v, x - eps, x + eps), 0, 1)


def sphere(v, x, eps):
    d = v - x
    length = np.linalg.norm(d)
    return np.clip(x + d / (length + 1e-12) * min(length, eps), 0, 1)


NORMS = {"linf": (Linf, sign_of, cube), "l2": (L2, unit_of, sphere)}
LOSSES = {
    "ce": (CrossEntropy(), cross_entropy),
    "dlr": (DLR(), difference),
    "dlr-t": (TargetedDLR(3), targeted),
}


def twin(net, x, y, start, eps, steps, direction, project, loss):
    """One image, with all losses kept; returns (best point, ever wrong)."""
    clean = np.tanh(x @ net.w) @ net.v
    z, value, g = net.look(start, lambda z: loss(z, y, clean))
    best, best_g, best_loss = start, g, value
    at, before, size = start, start, np.float32(2 * eps)
    wrong = z.argmax() != y
    # The unused last entry is what the first step is compared with.
    history = np.zeros(steps + 1)
    period, since, last_best, reduced = (
        max(int(0.22 * steps), 1),
        0,
        value,
        True,
    )
    for i in range(steps):
        momentum, before = at - before, at
        u = project(at + size * direction(g), x, eps)
        a = np.float32(0.75 if i else 1.0)
        at = project(at + a * (u - at) + (1 - a) * momentum, x, eps)
        z, value, g = net.look(at, lambda z: loss(z, y, clean))
        wrong |= z.argmax() != y
        if wrong:
            return None, True
        history[i] = value
        if value > best_loss:
            best, best_g, best_loss = at, g, value
        since += 1
        if since == period:
            window = range(i - period + 1, i + 1)
            rises = sum(history[j] > history[j - 1] for j in window)
            stuck = not reduced and last_best >= best_loss
            reduced = rises <= 0.75 * period or stuck
            if reduced:
                size, at, g = size / 2, best, best_g
            last_best, since = best_loss, 0
            period = max(
                period - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1)
            )
    return best, False


class Given(Start):
    """The same offset for every image."""

    def __call__(self, threat_model, x, key):
        rng = np.random.default_rng(0)
        noise = rng.uniform(-1, 1, x.shape) * threat_model.eps / 5
        return tf.clip_by_value(x + tf.constant(noise, tf.float32), 0, 1)


@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.04), ("l2", 0.2)])
def test_equals_the_twin(norm, eps, loss, steps):
    make, direction, project = NORMS[norm]
    value, numpy_value = LOSSES[loss]
    net, eps = TanhNet(1), np.float32(eps)
    x = np.random.default_rng(2).uniform(size=(24, *SHAPE)).astype("f")
    y = net(x).numpy().argmax(-1)
    attack = APGD(make(float(eps)), value, steps=steps, start=Given())
    labels, key = tf.constant(y, tf.int32), BatchKey.of(0, 0)
    x_adv = tf.function(
        lambda: attack(net, tf.constant(x), labels, key), autograph=False
    )().numpy()
    start = Given()(attack.threat_model, tf.constant(x), None).numpy()
    broken = net(x_adv).numpy().argmax(-1) != y
    flat = x.reshape(24, -1)
    far = []
    for i in range(24):
        best, wrong = twin(
            net,
            flat[i],
            y[i],
            start[i].ravel(),
            eps,
            steps,
            direction,
            project,
            numpy_value,
        )
        assert wrong == broken[i]
        if not wrong:
            far.append(np.abs(best - x_adv[i].ravel()).max())
    assert 4 < len(far) < 22
    # Where losses tie but for rounding, another point may be the best.
    assert np.mean(np.array(far) < 1e-4) >= 0.85 and max(far) < 5e-3


@pytest.mark.parametrize("norm", [Linf, L2])
def test_start_lies_on_the_surface(norm, key):
    x = tf.fill((3, *SHAPE), 0.5)
    start = SurfaceStart()(norm(0.1), x, key)
    np.testing.assert_allclose(norm(0.1).distance(start, x), 0.1, rtol=1e-5)


@pytest.mark.parametrize("norm", [Linf, L2])
@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_stays_in_ball_and_box(norm, eps, key):
    net = TanhNet(3)
    x = np.random.default_rng(2).uniform(size=(6, *SHAPE)).astype("f")
    y = tf.argmax(net(x), -1, tf.int32)
    x_adv = APGD(norm(eps), steps=6)(net, tf.constant(x), y, key).numpy()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    assert (
        (norm(eps).distance(x_adv, x) <= eps * (1 + 1e-5) + 1e-6).numpy().all()
    )
    assert eps or np.array_equal(x_adv, x)


def test_rows_do_not_depend_on_their_batch():
    net, attack = TanhNet(4), APGD(Linf(0.05), steps=8)
    x = np.random.default_rng(5).uniform(size=(6, *SHAPE)).astype("f")
    y = tf.argmax(net(x), -1, tf.int32)
    together = attack(net, tf.constant(x), y, RowKey.of(0, range(6)))
    part = [4, 1]
    alone = attack(
        net, tf.constant(x[part]), tf.gather(y, part), RowKey.of(0, part)
    )
    np.testing.assert_allclose(alone, together.numpy()[part], atol=1e-6)


def test_a_gradient_of_nan_comes_out(key):
    @tf.custom_gradient
    def lost(x):
        return tf.identity(x), lambda upstream: upstream * float("nan")

    def predict(x, branch=0):
        return lost(x)[:, 0, 0, :] + tf.constant([1.0, 0.0])

    x, y = tf.fill((1, *SHAPE), 0.5), tf.constant([0])
    assert np.isnan(APGD(Linf(0.1), steps=3)(predict, x, y, key)).any()
