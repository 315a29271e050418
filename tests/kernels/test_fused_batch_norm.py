"""The fused BatchNorm kernel against Keras' own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.kernels.fused_batch_norm import is_fusable, normalized
from dat_keras.kernels.rematerialization import Activation


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
    for fused in (True, False):
        norm = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name="norm", **options
        )
        model = net(norm)
        assert is_fusable(norm)

        def run(x, norm=norm, model=model, fused=fused):
            if fused:
                return normalized(norm, Activation(x)).value
            return model(x, training=True)

        results.append(trained_pass(run, model, x))
    assert len(results[0]) == 6 - len(options)
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"synchronized": True}, {"axis": 1}, {"renorm": True}],
)
def test_variants_are_left_to_keras(options):
    norm = layers.BatchNormalization(**options)
    net(norm)
    assert not is_fusable(norm)


def test_a_layer_that_is_not_trained_is_left_to_keras():
    norm = layers.BatchNormalization()
    net(norm)
    norm.trainable = False
    assert not is_fusable(norm)


def test_the_output_is_remade_of_the_batch_it_came_from(assert_close):
    norm = layers.BatchNormalization(epsilon=1e-5)
    net(norm)
    for seed in (1, 2):
        x = 3.0 + tf.random.stateless_normal((6, 5, 4, 3), [seed, 2])
        y = normalized(norm, Activation(x))
        assert_close(y.recomputed(), y.value, rtol=1e-5, atol=1e-5)
