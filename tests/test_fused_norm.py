"""The fused BatchNorm kernel against Keras' own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.fused_norm import fused_norms
from dat_keras.graphs import Graph


def net(norm, channels=3):
    keras.utils.set_random_seed(4)
    image = keras.Input((5, 4, channels))
    model = keras.Model(image, norm(image))
    for v in model.variables:
        v.assign(np.random.default_rng(v.shape[0]).uniform(0.5, 1.5, v.shape))
    return model


def trained_pass(run, model, x):
    """Output, gradients and what the statistics become."""
    variables = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = run(x)
        total = tf.reduce_sum(tf.sin(3.0 * y))
    return [
        y,
        *tape.gradient(total, [x, *variables]),
        *(v.numpy() for v in model.non_trainable_variables),
    ]


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_kernel_and_layer_agree_in_all_they_do(options, assert_close):
    x = tf.random.stateless_normal((6, 5, 4, 3), [1, 2])
    results = []
    for swapped in (True, False):
        norm = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name="norm", **options
        )
        model = net(norm)
        graph = Graph.of(model)
        swaps = fused_norms(graph) if swapped else {}
        assert len(swaps) == swapped
        results.append(
            trained_pass(
                lambda x, g=graph, s=swaps: g.run(x, s, True), model, x
            )
        )
    assert len(results[0]) == 6 - len(options)
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"synchronized": True}, {"axis": 1}, {"renorm": True}],
)
def test_variants_are_left_to_keras(options):
    model = net(layers.BatchNormalization(**options))
    assert not fused_norms(Graph.of(model))


def test_a_layer_that_is_not_trained_is_left_to_keras():
    norm = layers.BatchNormalization()
    model = net(norm)
    norm.trainable = False
    assert not fused_norms(Graph.of(model))
