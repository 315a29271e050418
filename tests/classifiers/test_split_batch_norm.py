"""Nets with a second set of BatchNorm layers: the same weights, shared."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from pretrained_nets import APPLICATIONS, HUB, lived_in

from dat_keras.architectures import ResNet8
from dat_keras.classifiers.layer_copies import LayerCopies, run_flat
from dat_keras.classifiers.pretrained import assembled
from dat_keras.classifiers.split_batch_norm import split_batch_norm


def small():
    """A net with a net inside, both with a layer of one name."""
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
        ]
    )
    x = keras.Input((8, 8, 3))
    y = keras.ops.relu(inner(x))
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3)(y))
    y = layers.GlobalAveragePooling2D()(y)
    return lived_in(keras.Model(x, layers.Dense(5)(y)))


def images(model, count=2):
    shape = [8 if n is None else n for n in model.input_shape[1:]]
    return np.random.default_rng(1).random((count, *shape), np.float32)


def test_it_is_what_the_architectures_build_themselves():
    split = split_batch_norm(ResNet8(3, width=2))
    built = ResNet8(3, width=2, branches=2)
    assert [w.path for w in split.weights] == [w.path for w in built.weights]
    assert split.name == built.name


@pytest.mark.parametrize("branches", [1, 2, 3])
def test_every_branch_begins_as_the_net(branches):
    net = small()
    split = split_batch_norm(net, branches)
    x = images(net)
    models = split.branches if branches > 1 else [split]
    assert len(models) == branches
    for model in models:
        np.testing.assert_array_equal(model(x), net(x))
    # Four weights of each of two norms; all others are shared.
    assert len(split.weights) == len(net.weights) + 8 * (branches - 1)


def test_training_one_branch_moves_no_statistics_of_the_other():
    net = small()
    split = split_batch_norm(net)
    before = net(images(net)).numpy()
    split(images(net, 8), training=True, branch=1)
    np.testing.assert_array_equal(split(images(net)), before)
    assert not np.allclose(split(images(net), branch=1), before)
    # The original shares nothing with the copy.
    np.testing.assert_array_equal(net(images(net)), before)


def test_the_base_is_saved_without_the_second_set(tmp_path):
    net = small()
    split = split_batch_norm(net)
    split.base.save(tmp_path / "net.keras")
    read = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    assert len(read.weights) == len(net.weights)
    np.testing.assert_array_equal(read(images(net)), net(images(net)))


def test_both_sets_are_saved_with_the_classifier(tmp_path):
    split = split_batch_norm(small())
    split(images(split.base), training=True, branch=1)
    split.save(tmp_path / "net.keras")
    read = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    for branch in range(2):
        x = images(split.base)
        wanted = split(x, branch=branch)
        np.testing.assert_array_equal(read(x, branch=branch), wanted)


@pytest.mark.parametrize("name", HUB)
def test_blocks_of_keras_hub_share_all_but_their_norms(name):
    pytest.importorskip("keras_hub")
    net = lived_in(HUB[name]())
    split = split_batch_norm(assembled(net, image_shape=images(net).shape[1:]))
    x = images(net)
    np.testing.assert_array_equal(split(x), net(x))
    np.testing.assert_array_equal(split(x, branch=1), net(x))
    paths = [w.path for w in split.weights]
    assert len(set(paths)) == len(paths)
    of_norms = {"gamma", "beta", "moving_mean", "moving_variance"}
    second = split.weights[len(net.weights) :]
    assert {w.name for w in second} <= of_norms
    assert bool(second) == (name != "vit")


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["efficientnet"])
def test_gradients_of_both_branches_meet_in_shared_kernels(name):
    pytest.importorskip("keras_hub")
    net = HUB[name]()
    split = split_batch_norm(assembled(net, image_shape=images(net).shape[1:]))

    @tf.function
    def gradients(branch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(split(images(net), branch=branch) ** 2)
        return tape.gradient(loss, [w.value for w in split.trainable_weights])

    none = [
        {i for i, g in enumerate(gradients(b)) if g is None} for b in (0, 1)
    ]
    names = [w.name for w in split.trainable_weights]
    for unused in none:
        assert {names[i] for i in unused} <= {"gamma", "beta"}
    assert not none[0] & none[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_nets_of_keras_applications_begin_as_they_are(name):
    net = lived_in(APPLICATIONS[name]())
    split = split_batch_norm(net)
    for branch in range(2):
        found = split(images(net), branch=branch)
        np.testing.assert_array_equal(found, net(images(net)))


def test_what_cannot_be_split_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional or sequential"):
        split_batch_norm(Own())
    with pytest.raises(ValueError, match="positive integer"):
        split_batch_norm(small(), 0)
    with pytest.raises(ValueError, match="may do anything"):
        run_flat(Own(), keras.Input((1,)), LayerCopies())
