"""BatchNorm folded into convolutions: the same function, fewer operations."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from toy_nets import NETS, lived_in

from dat_keras.classifiers.predictor import Predictor
from dat_keras.kernels.fold_batch_norm import folded
from dat_keras.kernels.functional_graph import Graph


@pytest.fixture
def images():
    return tf.constant(
        np.random.default_rng(2).random((7, 32, 32, 3)), tf.float32
    )


def plain(*stack):
    return lived_in(keras.Sequential([keras.Input((8, 8, 3)), *stack]))


def with_gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
        total = tf.reduce_sum(tf.sin(y))
    return y, tape.gradient(total, x)


@pytest.mark.parametrize("branch", [0, 1])
@pytest.mark.parametrize("name", NETS)
def test_logits_and_input_gradients_are_those_of_the_model(
    name, branch, images, assert_close
):
    model = lived_in(NETS[name]())
    frozen = Predictor(model).frozen()
    z, g = with_gradient(lambda x: frozen(x, branch), images)
    expected = with_gradient(
        lambda x: model(x, training=False, branch=branch), images
    )
    assert_close(z, expected[0], rtol=1e-4, atol=1e-4)
    # The median: where a ReLU's input is zero but for rounding, one image's
    # gradient may be another, on either side.
    assert np.median(relative_errors(g, expected[1])) < 1e-4


def relative_errors(actual, expected):
    """Distance over length, image by image."""
    return np.linalg.norm(
        tf.reshape(actual - expected, (len(actual), -1)), axis=1
    ) / np.linalg.norm(tf.reshape(expected, (len(actual), -1)), axis=1)


def test_a_kernel_with_lora_is_the_sum_of_its_parts(assert_close):
    model = plain(layers.Conv2D(4, 3), layers.BatchNormalization())
    model.layers[0].enable_lora(2)
    x = tf.constant(np.random.default_rng(0).random((2, 8, 8, 3)), tf.float32)
    model.layers[0].lora_kernel_b.assign(tf.ones((2, 4)))
    expected = model(x, training=False)
    assert_close(Predictor(model).frozen()(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("stack", "norms_left"),
    [
        ((layers.Conv2D(2, 3), layers.BatchNormalization()), 0),
        ((layers.Conv2D(2, 3, groups=1, dilation_rate=2), layers.BatchNormalization(scale=False, center=False)), 0),  # noqa: E501
        ((layers.Conv2D(2, 3, activation="relu"), layers.BatchNormalization()), 1),  # noqa: E501
        ((layers.DepthwiseConv2D(3), layers.BatchNormalization()), 1),
        ((layers.Conv2D(2, 3), layers.BatchNormalization(axis=1)), 1),
    ],
)  # fmt: skip
def test_a_norm_is_folded_where_that_is_right(stack, norms_left, assert_close):
    model = plain(*stack)
    graph = Graph.of(model)
    swaps = folded(graph)
    x = tf.random.stateless_uniform((2, 8, 8, 3), [0, 1])
    assert_close(graph.run(x, swaps), model(x), rtol=1e-4, atol=1e-5)
    norm = model.layers[-1]
    assert (swaps.get(norm) is not tf.identity) == norms_left


def test_a_convolution_with_two_readers_keeps_its_output(assert_close):
    image = keras.Input((8, 8, 3))
    y = layers.Conv2D(2, 3)(image)
    both = layers.Add()([y, layers.BatchNormalization()(y)])
    model = lived_in(keras.Model(image, both))
    graph = Graph.of(model)
    x = tf.random.stateless_uniform((2, 8, 8, 3), [0, 1])
    assert_close(graph.run(x, folded(graph)), model(x), rtol=1e-4)


def test_a_norm_with_other_work_keeps_doing_it(assert_close):
    image = keras.Input((8, 8, 3))
    norm = layers.BatchNormalization()
    both = layers.Add()(
        [norm(layers.Conv2D(3, 3, padding="same")(image)), norm(image)]
    )
    model = lived_in(keras.Model(image, both))
    graph = Graph.of(model)
    x = tf.random.stateless_uniform((2, 8, 8, 3), [0, 1])
    assert_close(graph.run(x, folded(graph)), model(x), rtol=1e-4)


def test_a_frozen_classifier_reads_its_weights_in_the_scope(tiny_model, batch):
    x, _ = batch
    zeros = [(v, tf.zeros(v.shape)) for v in tiny_model.trainable_variables]
    predict = Predictor(
        tiny_model, scope=lambda: keras.StatelessScope(state_mapping=zeros)
    )
    np.testing.assert_array_equal(predict.frozen()(x), tf.zeros((8, 4)))


@pytest.mark.bfloat16
@pytest.mark.parametrize("name", NETS)
def test_bfloat16_is_close_and_float32_at_both_ends(name, images, assert_close):
    model = lived_in(NETS[name]())
    frozen = Predictor(model).frozen("bfloat16")
    kinds = []

    def convolutions(x):
        z = frozen(x)
        graph = tf.compat.v1.get_default_graph()
        kinds.extend(
            op.outputs[0].dtype
            for op in graph.get_operations()
            if op.type == "Conv2D"
        )
        return z

    z = tf.function(convolutions, autograph=False)(images)
    assert kinds[0] == tf.float32
    assert set(kinds[1:]) == {tf.bfloat16}
    assert z.dtype == tf.float32
    expected = model(images)
    scale = float(tf.reduce_max(tf.abs(expected)))
    assert_close(z, expected, atol=0.03 * scale)
    # Neighbouring grey levels differ, as they do not in bfloat16.
    assert float(tf.reduce_max(tf.abs(frozen(images + 1 / 512) - z))) > 0


def test_another_type_needs_a_functional_classifier(batch):
    class Own(keras.Model):
        def call(self, x):
            return x[:, 0, 0]

    with pytest.raises(ValueError, match="functional"):
        Predictor(Own()).frozen("bfloat16")
    np.testing.assert_array_equal(
        Predictor(Own()).frozen()(batch[0]), batch[0][:, 0, 0]
    )
