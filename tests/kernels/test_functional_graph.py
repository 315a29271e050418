"""Graphs of functional models: what they list, and what they run."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.kernels.functional_graph import Graph


@pytest.fixture
def diamond():
    """`relu` is read twice, `double` is called twice."""
    image = keras.Input((4, 4, 3))
    double = layers.Rescaling(2.0, name="double")
    x = layers.ReLU(name="relu")(image)
    both = layers.Add(name="add")([double(x), double(double(x))])
    return keras.Model(image, both)


def named(model, name):
    return model.get_layer(name)


def test_only_layers_that_are_called_once_are_called_once(diamond):
    names = [layer.name for layer in Graph.of(diamond).called_once()]
    assert names == ["relu", "add"]


def test_a_layer_has_an_only_reader_or_none(tiny_model, diamond):
    graph = Graph.of(tiny_model)
    norm = named(tiny_model, "bn1")
    assert graph.only_reader(named(tiny_model, "conv1")) is norm
    assert graph.only_reader(named(tiny_model, "logits")) is None
    assert Graph.of(diamond).only_reader(named(diamond, "relu")) is None


def test_a_layer_of_several_branches_has_one_reader_in_each(tiny_branched):
    for branch, suffix in zip(
        tiny_branched.branches, ("", "_branch1"), strict=True
    ):
        reader = Graph.of(branch).only_reader(named(branch, "conv1"))
        assert reader.name == "bn1" + suffix


def test_running_without_swaps_is_calling(tiny_model, batch):
    graph = Graph.of(tiny_model)
    found = graph.run(batch[0], {})
    expected = tiny_model(batch[0], training=False)
    np.testing.assert_array_equal(found, expected)


def test_a_swap_stands_for_its_layer(diamond):
    x = tf.ones((1, 4, 4, 3))
    swaps = {named(diamond, "relu"): tf.negative}
    np.testing.assert_array_equal(Graph.of(diamond).run(x, swaps), -6 * x)


def test_a_model_with_a_call_of_its_own_has_no_graph():
    class Own(keras.Model):
        def call(self, x):
            return x

    image = keras.Input((4,))
    assert Graph.of(Own()) is None
    assert Graph.of(Own(image, layers.ReLU()(image))) is None
