"""A classifier's own losses: Keras' numbers, once, in every pass."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.architectures import ResNet8
from dat_keras.attacks import PGD
from dat_keras.classifiers.regularization import Regularization
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, PGDAT, TRADES, Natural
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

IMAGE = (8, 8, 3)
STILL = PGD(Linf(0.0), steps=1, step_size=0.0)
"""Adversarial images are the clean ones."""


@keras.saving.register_keras_serializable("tests")
class Added(layers.Layer):
    """Adds the mean of its inputs to the loss."""

    def call(self, x):
        self.add_loss(0.25 * keras.ops.mean(x))
        return x


def net(kernel=None, activity=None, added=False, branches=1):
    keras.utils.set_random_seed(0)
    dense = layers.Dense(4, kernel_regularizer=kernel)
    conv = layers.Conv2D(2, 3, activity_regularizer=activity)
    image = keras.Input(IMAGE)
    x = conv(image)
    x = Added()(x) if added else x
    model = keras.Model(image, dense(layers.Flatten()(x)))
    return model


def trained(classifier, objective, batch, **settings):
    """One step at rate 1: its logs, and the gradients by their effect."""
    model = AdversarialModel(
        classifier, objective, augment="none", eval_attack=STILL, **settings
    )
    model.compile(optimizer=SGD(1.0))
    before = [w.numpy() for w in classifier.trainable_variables]
    model.total_steps.assign(1)
    logs = tf.function(model.train_step, autograph=False)(batch)
    after = [w.numpy() for w in classifier.trainable_variables]
    moved = [b - a for b, a in zip(before, after, strict=True)]
    return {k: float(v) for k, v in logs.items()}, moved


def test_nets_without_have_none():
    assert not Regularization.of(net(), IMAGE)
    assert not Regularization.of(ResNet8(10), (32, 32, 3))


@pytest.mark.parametrize("objective", [PGDAT(STILL), TRADES(STILL)])
@pytest.mark.parametrize(
    "losses",
    [
        {"kernel": keras.regularizers.L2(10)},
        {"activity": keras.regularizers.L1(0.1)},
        {"added": True},
        {"kernel": "l1", "activity": "l2", "added": True},
    ],
    ids=["kernel", "activity", "added", "all"],
)
def test_the_term_is_what_keras_adds(objective, losses, batch, assert_close):
    classifier = net(**losses)
    classifier(batch[0], training=True)
    expected = float(tf.add_n(classifier.losses))
    logs, moved = trained(classifier, objective, batch)
    assert_close(logs["regularization"], expected, rtol=1e-4)
    terms = [logs[name] for name in (*objective.terms, "regularization")]
    assert_close(logs["loss"], sum(terms), rtol=1e-5)
    # The gradient of the sum is the sum of gradients.
    bare, own = net(), net(**losses)
    _, plain = trained(bare, objective, batch)

    @tf.function(autograph=False)
    def gradients():
        with tf.GradientTape() as tape:
            own(batch[0], training=True)
            penalty = tf.add_n(own.losses)
        return tape.gradient(
            penalty,
            [w.value for w in own.trainable_variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )

    for with_it, without, g in zip(moved, plain, gradients(), strict=True):
        assert_close(with_it - without, g, rtol=1e-3, atol=1e-4)


def test_awp_climbs_it_and_the_loss_reads_the_perturbed_weights(batch):
    kernel = keras.regularizers.L2(10)
    logs = {
        gamma: trained(
            net(kernel),
            Natural(),
            batch,
            weight_perturbation=WeightPerturbation(gamma),
        )[0]["regularization"]
        for gamma in (0.0, 0.01)
    }
    # Of all moves of length 0.01 |w|, straight uphill is along w.
    assert logs[0.01] == pytest.approx(logs[0.0] * 1.01**2, rel=1e-3)


@pytest.mark.parametrize("update", ["fused", "sequential"])
def test_a_weight_regularizer_does_not_move_the_generator(update, batch):
    generators = []
    for kernel in (None, keras.regularizers.L2(0.1)):
        objective = DAT(PGD(Linf(0.03), steps=1), split_bn=False, update=update)
        model = AdversarialModel(net(kernel), objective, eval_attack=STILL)
        # At rate 0 the sequential update reads the same classifier.
        model.compile(optimizer=SGD(0.0))
        tf.function(model.train_step, autograph=False)(batch)
        generators.append(model.adversary.generator.get_weights())
    for a, b in zip(*generators, strict=True):
        np.testing.assert_array_equal(a, b)


def test_both_updates_of_the_generator_climb_what_passes_add(
    batch, assert_close
):
    generators = []
    for update in ("fused", "sequential"):
        keras.utils.set_random_seed(0)
        objective = DAT(PGD(Linf(0.03), steps=1), split_bn=False, update=update)
        activity = keras.regularizers.L2(1.0)
        model = AdversarialModel(
            net(activity=activity), objective, eval_attack=STILL
        )
        model.compile(optimizer=SGD(0.0))
        tf.function(model.train_step, autograph=False)(batch)
        generators.append(model.adversary.generator.get_weights())
    for a, b in zip(*generators, strict=True):
        assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_losses_of_the_net_stay_readable(batch):
    classifier = net(activity="l2")
    trained(classifier, PGDAT(STILL), batch)
    assert classifier.losses == []
    classifier(batch[0])
    assert float(classifier.losses[0]) > 0


def test_weights_that_are_frozen_do_not_count(batch):
    classifier = net(keras.regularizers.L2(10))
    classifier.layers[-1].trainable = False
    logs, _ = trained(classifier, Natural(), batch)
    assert logs["regularization"] == 0.0
