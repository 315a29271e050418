"""IBP: schedule, reductions, a linear net by hand, what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from bounded_nets import net
from keras import layers

from dat_keras.augment import Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import Linf
from dat_keras.losses import cross_entropy
from dat_keras.objectives import IBP, Natural
from dat_keras.optimizers import SGD
from dat_keras.recipes import choose, resolve
from dat_keras.training.model import AdversarialModel

AT_ONCE = {"warmup": 0.0, "ramp": 0.0}


@pytest.mark.parametrize(
    ("progress", "eps", "kappa"),
    [
        (0.0, 0.0, 1.0),
        (0.05, 0.0, 1.0),
        (0.175, 2.0, 0.875),
        (0.55, 8.0, 0.5),
        (1.0, 8.0, 0.5),
    ],
)
def test_eps_and_kappa_are_ramped(progress, eps, kappa):
    found = IBP().schedule(tf.constant(progress))
    assert float(found[0]) * 255 == pytest.approx(eps, abs=1e-4)
    assert float(found[1]) == pytest.approx(kappa, abs=1e-6)


def test_without_a_ramp_the_end_is_there_at_once():
    method = IBP(kappa=0.25, **AT_ONCE)
    # A run of unknown length has no progress.
    for progress in (0.0, float("nan")):
        eps, kappa = method.schedule(tf.constant(progress))
        assert float(eps) == pytest.approx(8 / 255) and float(kappa) == 0.25
    assert not method.needs_run_length and IBP().needs_run_length


def test_clean_images_alone_are_natural_training(make_tiny, make_step):
    model = make_tiny()
    method = IBP(kappa=1.0, **AT_ONCE)
    step = make_step(model, method)
    predict = Predictor(model, training=True, scope=keras.StatelessScope)
    terms = method.loss(predict, method.craft(step), step.y)
    natural = Natural().loss(predict, Natural().craft(step), step.y)
    assert float(terms["natural"]) == float(natural["natural"])
    assert float(terms["verified"]) == 0.0


def test_without_a_radius_the_bounds_are_the_logits(make_tiny, make_step):
    model = make_tiny()
    method = IBP(Linf(0.0), kappa=0.0, **AT_ONCE)
    step = make_step(model, method)
    terms = method.loss(step.predict, method.craft(step), step.y)
    expected = tf.reduce_mean(cross_entropy(model(step.x), step.y))
    np.testing.assert_allclose(terms["verified"], expected, rtol=1e-5)
    assert float(terms["natural"]) == 0.0


def test_a_linear_net_has_its_worst_loss(linear_model, make_step):
    """CE of two classes: log(1 + exp(-(margin - eps |w_y - w_j|_1)))."""
    method = IBP(Linf(0.01), kappa=0.0, **AT_ONCE)
    # Away from the walls of the box.
    x = np.random.default_rng(3).uniform(0.2, 0.8, (6, 8, 8, 3)).astype("f")
    y = np.arange(6, dtype="i4") % 2
    step = make_step(linear_model, method, x=tf.constant(x), y=tf.constant(y))
    kernel, bias = linear_model.get_layer("logits").get_weights()
    z = x.reshape(6, -1).astype("d") @ kernel.astype("d") + bias
    margin = z[np.arange(6), y] - z[np.arange(6), 1 - y]
    margin -= 0.01 * np.abs(kernel[:, 0].astype("d") - kernel[:, 1]).sum()
    terms = method.loss(step.predict, method.craft(step), step.y)
    expected = np.log1p(np.exp(-margin)).mean()
    np.testing.assert_allclose(terms["verified"], expected, rtol=1e-4)


def test_the_worst_loss_grows_with_the_radius(make_tiny, make_step):
    model = make_tiny()
    losses = []
    for eps in (0.0, 0.01, 0.05):
        method = IBP(Linf(eps), kappa=0.0, **AT_ONCE)
        step = make_step(model, method)
        terms = method.loss(step.predict, method.craft(step), step.y)
        losses.append(float(terms["verified"]))
    assert losses == sorted(set(losses))


def test_a_step_raises_the_bounds(batch):
    """One step down the gradient of the bounds alone lowers their loss."""
    method = IBP(Linf(0.01), kappa=0.0, **AT_ONCE)
    model = AdversarialModel(
        net("one hidden layer"), method, augment=Unchanged()
    )
    model.compile(optimizer=SGD(1e-3))
    step = tf.function(model.train_step, autograph=False)
    before, after = (step(batch)["loss"] for _ in range(2))
    assert float(after) < float(before)


def test_layers_without_bounds_are_named():
    odd = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(2, 3, activation="tanh", name="odd"),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    model = AdversarialModel(odd, IBP(**AT_ONCE))
    model.compile(optimizer=SGD(0.1))
    x, y = np.zeros((4, 8, 8, 3), "f"), np.zeros(4, "i4")
    with pytest.raises(ValueError, match="'odd' has no certified bounds"):
        model.fit(x, y, batch_size=4, verbose=0)


def test_a_ramp_ends_with_the_run():
    method = IBP(warmup=0.5, ramp=1.0)
    shares = [float(method.schedule(tf.constant(p))[0]) for p in (0.75, 1.0)]
    assert shares == [pytest.approx(4 / 255), pytest.approx(8 / 255)]
    late = IBP(warmup=1.0, ramp=1.0).schedule(tf.constant(0.99))
    assert [float(value) for value in late] == [0.0, 1.0]


def test_recipes_take_it_and_its_radius():
    recipe = choose("shapes", "ibp")
    assert recipe.objective == IBP()
    half = resolve({"method": "ibp", "dataset": "shapes", "eps": 2 / 255})
    assert half.objective.threat_model.eps == pytest.approx(2 / 255)
    assert half.eval_attack.threat_model.eps == pytest.approx(2 / 255)
