"""PGD against its template in NumPy, and in closed form on linear models."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import (
    ATTACKS,
    PGD,
    CarliniWagner,
    CleanStart,
    CrossEntropy,
    CrossEntropyPlusKL,
    KeepFirstBroken,
    KLFromClean,
    Start,
    fgsm,
)
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import BatchKey, RowKey
from dat_keras.core.threat_models import L2, Linf

EPS = 8 / 255


@pytest.fixture
def rival(linear_model):
    """`w_other - w_y` of class 0, as an image."""
    kernel = linear_model.get_layer("logits").get_weights()[0]
    return (kernel[:, 1] - kernel[:, 0]).reshape(8, 8, 3)


@pytest.fixture
def zeros(batch):
    return tf.zeros_like(batch[1])


@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(),
        CrossEntropy(0.1),
        CarliniWagner(1e6),
        CrossEntropyPlusKL(),
    ],
)
def test_linear_linf_reaches_the_corner(
    loss, linear_model, rival, batch, zeros, key, assert_close
):
    x, _ = batch
    attack = PGD(
        Linf(EPS), loss, steps=8, step_size=EPS / 4, start=CleanStart()
    )
    x_adv = attack(linear_model, x, zeros, key)
    assert_close(x_adv, x + EPS * np.sign(rival))


def test_linear_l2_reaches_the_farthest_point(
    linear_model, rival, batch, zeros, key, assert_close
):
    x = 0.5 + 0.1 * (batch[0] - 0.5)
    attack = PGD(L2(0.5), CarliniWagner(1e3), steps=50, step_size=0.1)
    x_adv = attack(linear_model, x, zeros, key)
    expected = x + 0.5 * rival / np.linalg.norm(rival)
    assert_close(x_adv, expected, atol=1e-3)
    gain = np.sum((x_adv.numpy() - x) * rival, axis=(1, 2, 3))
    assert_close(gain, np.full(8, 0.5 * np.linalg.norm(rival)), rtol=1e-4)


@pytest.mark.parametrize("eps", [0.01, 0.3, 1.0])
def test_linear_linf_flags_equal_the_box_formula(
    eps, linear_model, rival, batch, key
):
    x = tf.random.stateless_uniform((200, 8, 8, 3), (0, 0))
    clean = tf.argmax(linear_model(x), -1, output_type=tf.int32)
    sign = np.where(clean.numpy() == 0, 1, -1)[:, None, None, None]
    v = (sign * rival).astype(np.float64)
    room = np.where(v > 0, 1 - x.numpy(), x.numpy())
    most = (np.abs(v) * np.minimum(eps, room)).sum((1, 2, 3))
    z = linear_model(x).numpy().astype(np.float64)
    gap = np.abs(z[:, 0] - z[:, 1])
    attack = PGD(Linf(eps), steps=8, step_size=eps / 4)
    adversarial = tf.argmax(
        linear_model(attack(linear_model, x, clean, key)), -1, tf.int32
    )
    sure = np.abs(most - gap) > 1e-3
    np.testing.assert_array_equal(
        (adversarial != clean).numpy()[sure], (most > gap)[sure]
    )


class FarStart(Start):
    """Leaves both ball and box."""

    def __call__(self, threat_model, x, key):
        return x + 0.4


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_iterates_are_those_of_the_template(
    steps, linear_model, rival, batch, zeros, key, assert_close
):
    x = tf.clip_by_value(2 * batch[0] - 0.5, 0.0, 1.0)
    attack = PGD(
        Linf(EPS), steps=tf.constant(steps), step_size=0.02, start=FarStart()
    )
    expected = image = x.numpy().astype(np.float64)
    expected = expected + 0.4
    for _ in range(steps):
        moved = expected + 0.02 * np.sign(rival)
        expected = np.clip(np.clip(moved, image - EPS, image + EPS), 0, 1)
    expected = np.clip(expected, 0, 1)
    assert_close(attack(linear_model, x, zeros, key), expected)


def test_fgsm_lands_on_the_corner_wherever_it_starts(
    linear_model, rival, batch, zeros, assert_close
):
    for step in range(3):
        x_adv = fgsm(Linf(EPS))(
            linear_model, batch[0], zeros, BatchKey.of(0, step)
        )
        assert_close(x_adv, batch[0] + EPS * np.sign(rival))


def test_kl_has_no_gradient_at_the_clean_image(tiny_model, batch):
    predict, (x, y) = Predictor(tiny_model), batch
    loss = KLFromClean().bind(predict, x, y)
    _, _, at_clean = input_gradient(predict, loss, x)
    _, _, nearby = input_gradient(predict, loss, 0.5 * x)
    assert np.abs(at_clean).max() < 1e-3 * np.abs(nearby).max()


def test_a_constant_model_leaves_the_start(batch, key):
    attack = PGD(Linf(EPS), steps=3)
    x_adv = attack(lambda x, branch=0: 0.0 * x[:, 0, 0, :], *batch, key)
    start = attack.start(attack.threat_model, batch[0], key)
    np.testing.assert_allclose(x_adv, start, atol=1e-7)


def test_natural_logits_are_traced_once(tiny_model, batch, key):
    calls = []

    def predict(x, branch=0):
        calls.append(x)
        return tiny_model(x, training=False)

    attack = PGD(Linf(EPS), CrossEntropyPlusKL(), steps=7)
    tf.function(lambda: attack(predict, *batch, key)).get_concrete_function()
    # One call on the clean images, one in the body of the loop.
    assert len(calls) == 2


def test_loss_rises(tiny_model, batch, key):
    predict = Predictor(tiny_model)
    for loss in (CrossEntropy(), CrossEntropyPlusKL(), CarliniWagner()):
        attack = PGD(Linf(EPS), loss, steps=5)
        bound = loss.bind(predict, *batch)
        before = np.mean(bound(predict(batch[0])))
        after = np.mean(bound(predict(attack(predict, *batch, key))))
        assert after > before


def test_first_broken_iterate_is_wrong_even_if_the_last_is_not(batch, key):
    # Only images that moved by one step are misclassified.
    def predict(x, branch=0):
        level = tf.reduce_mean(x, axis=[1, 2, 3]) - 0.5
        wrong = tf.cast(tf.abs(level - 0.1) < 0.03, tf.float32)
        return tf.stack([0.0 * level, wrong + 1e-3 * level - 0.5], -1)

    x, y = tf.fill((1, 4, 4, 1), 0.5), tf.constant([0])
    attack = PGD(Linf(0.4), steps=4, step_size=0.1, start=CleanStart())
    assert int(tf.argmax(predict(attack(predict, x, y, key)), -1)[0]) == 0
    strict = replace(attack, keep=KeepFirstBroken())
    x_adv = strict(predict, x, y, key)
    assert int(tf.argmax(predict(x_adv), -1)[0]) == 1
    np.testing.assert_allclose(x_adv, x + 0.1, atol=1e-6)


def test_result_carries_no_gradient(tiny_model, batch, key):
    x, y = batch
    with tf.GradientTape() as tape:
        tape.watch(x)
        x_adv = PGD(Linf(EPS), steps=2)(Predictor(tiny_model), x, y, key)
    assert tape.gradient(x_adv, x) is None


def test_steps_and_sizes_may_be_tensors(linear_model, batch, zeros, key):
    fixed = PGD(Linf(EPS), steps=3, step_size=0.01)
    eps, steps, size = map(tf.constant, (EPS, 3, 0.01))
    given = PGD(Linf(eps), steps=steps, step_size=size)
    np.testing.assert_array_equal(
        fixed(linear_model, batch[0], zeros, key),
        given(linear_model, batch[0], zeros, key),
    )


def test_row_keys_make_the_attack_independent_of_the_batch(
    linear_model, batch, assert_close
):
    """On a linear net, no rounding of the logits turns a gradient's sign."""
    x, y = batch[0], batch[1] % 2
    attack = PGD(Linf(EPS), steps=2)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 8, 8, 3)),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.int64),
        ]
    )
    def run(x, y, rows):
        return attack(linear_model, x, y, RowKey.of(0, rows))

    rows = tf.range(8, dtype=tf.int64)
    together = run(x, y, rows)
    assert together.shape == x.shape
    for part in ([3], [6, 1]):
        alone = run(*(tf.gather(t, part) for t in (x, y, rows)))
        assert_close(alone, tf.gather(together, part))


@pytest.mark.parametrize("eps", [0.0, EPS])
@pytest.mark.parametrize("norm", [Linf, L2])
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_feasible_and_changes_nothing(
    name, norm, eps, make_tiny, batch, key, snapshot, same
):
    model, (x, y) = make_tiny(), batch
    ball = norm(eps)
    attack = ATTACKS[name](ball)
    attack = replace(attack, steps=min(attack.steps, 3))
    before = snapshot(model.variables)
    x_adv = attack(Predictor(model), x, y, key).numpy()
    assert same(before, snapshot(model.variables))
    assert x_adv.shape == x.shape and x_adv.dtype == np.float32
    assert np.isfinite(x_adv).all()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    assert (ball.distance(x_adv, x) <= eps * (1 + 1e-5) + 1e-6).numpy().all()
    if eps == 0:
        np.testing.assert_array_equal(x_adv, x)
    again = attack(Predictor(model), x, y, key)
    np.testing.assert_array_equal(x_adv, again)


@pytest.mark.parametrize(
    ("name", "steps", "size"),
    [("fgsm", 1, 16), ("pgd20", 20, 2), ("pgd100", 100, 2), ("cw", 100, 2)],
)
def test_named_attacks_have_the_published_settings(name, steps, size):
    attack = ATTACKS[name](Linf(8 / 255))
    assert attack.steps == steps
    assert attack.step_size * 255 == pytest.approx(size)


@pytest.mark.parametrize("name", ATTACKS)
def test_repr_evaluates_back(name):
    import dat_keras.attacks as names
    import dat_keras.core.threat_models as balls

    attack = ATTACKS[name](Linf(8 / 255))
    assert eval(repr(attack), vars(balls) | vars(names)) == attack
