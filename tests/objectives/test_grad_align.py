"""GradAlign: its term in closed form, its gradient, its reductions."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, CleanStart
from dat_keras.augment import Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import FGSMRS, NFGSM, PGDAT, GradAlign
from dat_keras.objectives.grad_align import NoisyView, misalignment
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
FGSM = PGD(Linf(EPS), steps=1, step_size=EPS, start=CleanStart())
DRAW = np.random.default_rng(5)
X = DRAW.uniform(0.2, 0.8, (3, 2, 2, 1))
NOISY = X + DRAW.uniform(-0.1, 0.1, X.shape)
Y = np.eye(2)[[0, 1, 1]]


def views_of(x, x_noisy):
    x, x_noisy = (tf.constant(images, tf.float64) for images in (x, x_noisy))
    # The term reads no attacked image.
    return (NoisyView(x, 1.0 - x, x_noisy=x_noisy),)


def term(predict, weight=1.0):
    """The term in float64, whose labels are distributions."""
    views = views_of(X, NOISY)
    y = tf.constant(Y, tf.float64)
    return float(GradAlign(weight=weight).loss(predict, views, y)["alignment"])


def flat(x):
    return np.reshape(x, (len(x), -1))


def two_classes(margin):
    """A classifier of logits `(m, -m)`."""

    def predict(x, branch=0):
        m = margin(tf.reshape(x, (tf.shape(x)[0], -1)))
        return tf.stack([m, -m], axis=-1)

    return predict


def test_a_linear_model_is_aligned_everywhere():
    w = tf.constant(np.random.default_rng(2).normal(size=4))
    value = term(two_classes(lambda x: tf.linalg.matvec(x, w)))
    assert value == pytest.approx(0.0, abs=1e-14)


def test_a_quadratic_model_in_closed_form():
    """The gradient of `x A x / 2` is `A x`; its sign is that of the label."""
    half = np.random.default_rng(3).normal(size=(4, 4))
    a = half + half.T
    value = term(
        two_classes(lambda x: 0.5 * tf.reduce_sum(x * (x @ a), axis=-1)),
        weight=0.3,
    )
    at_x, at_noise = flat(X) @ a, flat(NOISY) @ a
    cosine = (at_x * at_noise).sum(-1) / (
        np.linalg.norm(at_x, axis=-1) * np.linalg.norm(at_noise, axis=-1)
    )
    assert value == pytest.approx(0.3 * np.mean(1.0 - cosine), rel=1e-12)
    assert value > 1e-3


@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_three_classes_in_closed_form(smoothing):
    """Logits `W x`: the gradient of the cross-entropy is `W' (p - target)`."""
    w = 4.0 * np.random.default_rng(0).normal(size=(4, 3))
    y = np.eye(3)[[0, 2, 1]]
    target = (1 - smoothing) * y + smoothing / 3

    def predict(x, branch=0):
        return tf.reshape(x, (-1, 4)) @ w

    terms = GradAlign(label_smoothing=smoothing, weight=1.0).loss(
        predict, views_of(X, NOISY), tf.constant(y)
    )
    cosines = []
    for *points, t in zip(flat(X), flat(NOISY), target, strict=True):
        odds = [np.exp(x @ w) for x in points]
        a, b = (w @ (o / o.sum() - t) for o in odds)
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    expected = 1.0 - np.mean(cosines)
    assert float(terms["alignment"]) == pytest.approx(expected, rel=1e-9)
    assert expected > 1e-4


def test_its_gradient_in_the_weights_is_that_of_the_closed_form():
    """`m = w1 x1^2 + w2 x2^2`: gradients are `2 w x`, differentiable in `w`."""
    w = tf.Variable([0.7, -1.1, 0.4, 0.9], dtype=tf.float64)

    def total(values):
        w.assign(values)
        return term(two_classes(lambda x: tf.linalg.matvec(x**2, w)))

    def gradient():
        with tf.GradientTape() as tape:
            loss = GradAlign(weight=1.0).loss(
                two_classes(lambda x: tf.linalg.matvec(x**2, w)),
                views_of(X, NOISY),
                tf.constant(Y, tf.float64),
            )["alignment"]
        return tape.gradient(loss, w).numpy()

    at, found = w.numpy(), gradient()
    for i, direction in enumerate(np.eye(4) * 1e-5):
        slope = (total(at + direction) - total(at - direction)) / 2e-5
        assert found[i] == pytest.approx(slope, rel=1e-6)
    assert np.abs(found).max() > 1e-3


def test_gradients_too_small_to_square_still_have_a_direction():
    draw = np.random.default_rng(4)
    a, b = (
        tf.constant(draw.normal(size=(2, 2, 2, 3)), "float32") for _ in "ab"
    )
    np.testing.assert_allclose(
        misalignment(1e-30 * a, b), misalignment(a, b), rtol=1e-5
    )


def test_a_gradient_of_zero_adds_nothing_and_stays_finite():
    a = tf.Variable(tf.zeros((1, 2, 2, 1)))
    with tf.GradientTape() as tape:
        value = misalignment(a.value(), tf.ones((1, 2, 2, 1)))
    assert float(value[0]) == 0.0
    assert np.array_equal(tape.gradient(value, a), np.zeros((1, 2, 2, 1)))


@pytest.mark.parametrize("attack", [FGSM, FGSMRS().attack, NFGSM().attack])
def test_without_weight_it_is_its_single_step_method(
    attack, make_tiny, batch, snapshot, same
):
    results = []
    for objective in (GradAlign(attack, weight=0.0), PGDAT(attack)):
        model = AdversarialModel(make_tiny(), objective, augment=Unchanged())
        model.compile(optimizer=SGD(0.1))
        model.train_step(batch)
        results.append(snapshot(model.classifier.variables))
    assert same(*results)


def test_its_default_attack_is_fgsm_from_the_image(linear_model, make_step):
    objective = GradAlign()
    assert objective.attack == FGSM and objective.weight == 0.2
    step = make_step(linear_model, objective, y=tf.zeros(8, tf.int32))
    (view,) = objective.craft(step)
    kernel, _ = linear_model.get_layer("logits").get_weights()
    up = np.sign(kernel[:, 1] - kernel[:, 0]).reshape(8, 8, 3)
    np.testing.assert_allclose(view.x_adv, step.x + EPS * up, atol=1e-6)
    assert np.abs(view.x_noisy - step.x).max() <= EPS + 1e-6
    assert np.abs(view.x_noisy - step.x).max() > 0.9 * EPS


def test_the_second_derivative_is_that_of_plain_keras(
    tiny_model, batch, make_step
):
    """No gradient is lost in folded kernels, whatever the pass before wrote."""
    tiny_model.get_layer("bn1").moving_variance.assign([0.5, 1.0, 2.0, 4.0])
    objective, y = GradAlign(weight=1.0), batch[1]
    views = objective.craft(make_step(tiny_model, objective))
    weights = [v.value for v in tiny_model.trainable_variables]

    def plain(x, branch=0):
        return tiny_model(x, training=False)

    @tf.function(autograph=False)
    def gradients(predict):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            loss = objective.loss(predict, views, y)["alignment"]
        return loss, tape.gradient(
            loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    training = Predictor(tiny_model, training=True)
    statistics = tiny_model.get_layer("bn1").moving_mean.numpy()
    (loss, ours), (expected, theirs) = gradients(training), gradients(plain)
    assert not np.array_equal(
        statistics, tiny_model.get_layer("bn1").moving_mean
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    assert max(np.abs(g).max() for g in ours) > 1e-3


def test_noise_is_another_at_every_step(tiny_model, make_step, key):
    objective = GradAlign()
    first = make_step(tiny_model, objective)
    second = replace(first, key=key.fold_in("other"))
    (a,), (b,) = (objective.craft(step) for step in (first, second))
    assert not np.array_equal(a.x_noisy, b.x_noisy)
