"""Predictors: one mode, one precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.classifiers.inspection import feature_size
from dat_keras.classifiers.predictor import Predictor


def test_inference_mode_reads_moving_statistics(tiny_model, batch):
    x, _ = batch
    predict = Predictor(tiny_model)
    together = predict(x)
    np.testing.assert_array_equal(together, tiny_model(x, training=False))
    np.testing.assert_allclose(predict(x[:1]), together[:1], rtol=1e-5)


def test_training_mode_moves_statistics_unless_scoped(
    tiny_model, batch, snapshot, same
):
    x, _ = batch
    before = snapshot(tiny_model.non_trainable_variables)
    frozen = Predictor(tiny_model, training=True, scope=keras.StatelessScope)
    quiet = frozen(x)
    assert same(before, snapshot(tiny_model.non_trainable_variables))
    loud = Predictor(tiny_model, training=True)(x)
    assert not same(before, snapshot(tiny_model.non_trainable_variables))
    np.testing.assert_array_equal(quiet, loud)


@pytest.mark.parametrize("branch", [0, 1])
def test_a_branch_moves_its_own_statistics_only(
    branch, tiny_branched, batch, snapshot, same
):
    moving = [
        [
            v
            for layer in model.layers
            if isinstance(layer, layers.BatchNormalization)
            for v in layer.non_trainable_variables
        ]
        for model in tiny_branched.branches
    ]
    own, other = moving[branch], moving[1 - branch]
    before = snapshot(own), snapshot(other)
    Predictor(tiny_branched, training=True)(batch[0], branch=branch)
    assert not same(before[0], snapshot(own))
    assert same(before[1], snapshot(other))


def test_branches_share_everything_but_batch_norm(tiny_branched):
    shared = {layer.name for layer in tiny_branched.branches[0].layers} & {
        layer.name for layer in tiny_branched.branches[1].layers
    }
    assert {"conv1", "conv2", "logits"} <= shared
    assert not any(name.startswith("bn") for name in shared)


@pytest.mark.bfloat16
def test_logits_are_float32_under_a_mixed_policy(batch):
    head = layers.Dense(4, dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), head])
    assert model(batch[0]).dtype == tf.bfloat16
    assert Predictor(model)(batch[0]).dtype == tf.float32


def test_plain_models_are_called_without_a_branch(batch):
    class Plain(keras.Model):
        def call(self, x, training=None):
            return tf.reduce_mean(x, axis=[1, 2])

    assert Predictor(Plain())(batch[0]).shape == (8, 3)


def test_features_are_what_the_last_layer_reads(
    tiny_branched, batch, assert_close
):
    x, _ = batch
    assert feature_size(tiny_branched) == 8
    predict = Predictor(tiny_branched, training=True).with_batch_statistics
    for branch in (0, 1):
        features, logits = predict.features(x, branch)
        assert features.shape == (8, 8)
        kernel, bias = tiny_branched.base.get_layer("logits").get_weights()
        assert_close(logits, features @ kernel + bias, rtol=1e-4, atol=1e-5)
        assert_close(logits, predict(x, branch))


def test_a_classifier_in_a_classifier_shows_no_features(tiny_model):
    image = keras.Input((8, 8, 3))
    assert feature_size(keras.Model(image, tiny_model(image))) is None


def test_batch_statistics_mode_reads_the_batch_and_leaves_no_trace(
    tiny_model, batch, snapshot, same, assert_close
):
    x, _ = batch
    before = snapshot(tiny_model.variables)
    logits = Predictor(tiny_model).with_batch_statistics(x)
    assert same(before, snapshot(tiny_model.variables))
    assert_close(logits, tiny_model(x, training=True))
    assert not np.allclose(logits, Predictor(tiny_model)(x), atol=1e-3)
