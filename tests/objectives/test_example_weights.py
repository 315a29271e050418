"""Sample weights and labels as distributions, in every method."""

import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from short_methods import short

from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.gradients import terms_and_gradients
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.example_weights import batch_mean, weighted_by

NAMES = first_of(OBJECTIVES)
# Its terms compare examples; it trains on a batch that it kept.
REFUSING = ("scarl", "free-at")


def differentiated(objective, predict, views, y):
    """In a graph: eager gradients of convolutions may abort."""
    weights = predict.classifier.trainable_variables

    @tf.function(autograph=False)
    def run():
        return terms_and_gradients(
            lambda: objective.loss(predict, views, y), weights
        )

    terms, (gradients,) = run()
    return terms, gradients


def terms_of(objective, predict, views, y, weights):
    with weighted_by(weights):
        return objective.loss(predict, views, y)


@pytest.fixture
def ready(make_tiny, make_step):
    """A method, its classifier, its step and its views."""

    def make(name, **changes):
        objective = short(name, steps=1)
        model = make_tiny(objective.branches)
        step = make_step(model, objective, **changes)
        views = objective.craft(step)
        # In inference mode, for rows not to meet in BatchNorm.
        return objective, Predictor(model), step, views

    return make


@pytest.mark.parametrize("name", NAMES)
def test_weights_have_the_meaning_of_keras(name, ready, assert_close):
    assert OBJECTIVES[name].weights_examples == (name not in REFUSING)
    if name in REFUSING:
        return
    objective, predict, step, views = ready(name)

    def total(*weights):
        weights = tf.constant(weights, tf.float32) if weights else None
        terms = terms_of(objective, predict, views, step.y, weights)
        return tf.add_n(list(terms.values()))

    plain = total()
    assert_close(total(*[1] * 8), plain)
    assert_close(total(*[2] * 8), 2 * plain)
    # A sum over examples: each one's share, by a weight of its own.
    shares = [total(*np.eye(8)[i]) for i in range(8)]
    assert_close(tf.add_n(shares), plain)
    draw = np.random.default_rng(0).uniform(size=8)
    assert_close(total(*draw), np.dot(draw, shares))
    assert np.std(shares) > 0


@pytest.mark.parametrize("name", NAMES)
def test_one_hot_labels_are_class_ids(name, ready, batch):
    parts = []
    for y in (batch[1], tf.one_hot(batch[1], 4)):
        objective, predict, step, views = ready(name, y=y)
        terms, gradients = differentiated(objective, predict, views, y)
        parts.append([*terms.values(), *gradients, views[0].x_adv])
    for ids, one_hot in zip(*parts, strict=True):
        np.testing.assert_array_equal(ids, one_hot)


def test_a_mean_divides_by_the_number_of_examples():
    values = tf.constant([1.0, 2.0, 3.0])
    assert float(batch_mean(values)) == 2.0
    with weighted_by(tf.constant([0.0, 0.0, 2.0])):
        assert float(batch_mean(values)) == 2.0
        with weighted_by(None):
            assert float(batch_mean(values)) == 2.0
    assert float(batch_mean(values)) == 2.0
