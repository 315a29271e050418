"""Conditioning input of DAT's generator, by name, and its length."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.objectives import DAT
from dat_keras.objectives.dat.generator_input import CONDITIONS

LABELS = tf.constant([2, 0])
MIXED = tf.constant([[0.3, 0.7, 0.0], [0.0, 0.0, 1.0]])


def condition_of(name, y=LABELS):
    """The condition of two images, and how often it asked for logits."""
    asked = []

    def predict(x):
        asked.append(x)
        return tf.fill((2, 3), 5.0)

    step = SimpleNamespace(predict=predict, y=y)
    condition, images = CONDITIONS[name], tf.zeros((2, 4, 4, 1))
    found = condition.of(step, images, condition.length(3))
    assert found.shape == (2, condition.length(3))
    return found.numpy().tolist(), len(asked)


def test_each_condition_is_what_its_name_says():
    assert condition_of("logits") == ([[5, 5, 5], [5, 5, 5]], 1)
    assert condition_of("labels") == ([[0, 0, 1], [1, 0, 0]], 0)
    assert condition_of("noise") == ([[], []], 0)


def test_mixed_labels_are_given_as_they_are():
    assert condition_of("labels", MIXED)[0] == MIXED.numpy().tolist()


@pytest.mark.parametrize(
    ("name", "count"),
    [("logits", 3_856_512), ("labels", 3_856_512), ("noise", 3_855_232)],
)
def test_parameter_counts(name, count):
    """Ten classes are 10 x 128 weights of the first layer."""
    adversary = DAT(generator_input=name).build_adversary(
        ClassifierSpec((32, 32, 3), 10, None)
    )
    weights = adversary.generator.trainable_variables
    assert sum(int(np.prod(w.shape)) for w in weights) == count
