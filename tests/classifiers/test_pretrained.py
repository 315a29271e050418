"""Adapter, head and frozen layers of a pretrained net."""

import keras
import numpy as np
import pytest
from keras import layers
from pretrained_nets import lived_in

from dat_keras.architectures import ResNet8
from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.pretrained import (
    adapter_for,
    assembled,
    set_trainable,
)

RNG = np.random.default_rng(2)


def net(*head):
    """A convolution, a norm, and a head of five classes."""
    body = [
        keras.Input((8, 8, 3)),
        layers.Conv2D(4, 3, name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.GlobalAveragePooling2D(keepdims=True),
    ]
    return lived_in(keras.Sequential([*body, *head]))


HEADS = {
    "dense": lambda: [layers.Flatten(), layers.Dense(5)],
    "softmax": lambda: [layers.Flatten(), layers.Dense(5, "softmax")],
    "apart": lambda: [
        layers.Flatten(),
        layers.Dense(5),
        layers.Activation("softmax"),
    ],
    "unbiased": lambda: [
        layers.Flatten(),
        layers.Dense(5, "softmax", use_bias=False),
    ],
    "conv": lambda: [
        layers.Conv2D(5, 1),
        layers.Reshape((5,)),
        layers.Softmax(),
    ],
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_becomes_logits_with_its_weights(name):
    original = net(*HEADS[name]())
    x = RNG.random((4, 8, 8, 3), np.float32)
    found, wanted = assembled(original)(x).numpy(), original(x).numpy()
    if name == "dense":
        np.testing.assert_array_equal(found, wanted)
        return
    assert not np.allclose(found.sum(-1), 1.0)
    probabilities = keras.ops.softmax(found)
    np.testing.assert_allclose(probabilities, wanted, rtol=1e-5, atol=1e-6)


def test_a_sigmoid_is_left_out_with_a_warning():
    original = net(layers.Flatten(), layers.Dense(5, "sigmoid"))
    x = RNG.random((4, 8, 8, 3), np.float32)
    with pytest.warns(UserWarning, match="ends in a sigmoid"):
        found = assembled(original)(x)
    shares = keras.ops.sigmoid(found)
    np.testing.assert_allclose(shares, original(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "head",
    [
        lambda: [layers.Dense(5, "tanh")],
        lambda: [layers.Dense(5, name="own"), layers.Activation("tanh")],
    ],
    ids=["inside", "apart"],
)
def test_a_head_with_another_activation_is_refused_or_replaced(head):
    original = net(layers.Flatten(), *head())
    with pytest.raises(ValueError, match="activation 'tanh' of layer"):
        assembled(original)
    assert assembled(original, num_classes=7).output_shape == (None, 7)


@pytest.mark.parametrize("name", HEADS)
def test_another_number_of_classes_gives_a_new_head_alone(name):
    original = net(*HEADS[name]())
    changed = assembled(original, num_classes=7)
    assert changed.output_shape == (None, 7)
    body = {"conv", "norm"}
    for layer in body:
        pairs = zip(
            original.get_layer(layer).weights,
            changed.get_layer(layer).weights,
            strict=True,
        )
        for old, new in pairs:
            np.testing.assert_array_equal(old, new)
    others = {layer.name for layer in changed.layers if layer.weights} - body
    assert others == {"logits"}


def test_the_adapter_stands_before_the_net():
    original = net(*HEADS["dense"]())
    adapter = adapter_for(original, (4, 4, 1), "tf")
    whole = assembled(original, adapter, (4, 4, 1))
    assert whole.input_shape == (None, 4, 4, 1)
    x = RNG.random((2, 4, 4, 1), np.float32)
    wide = keras.layers.Resizing(8, 8)(np.repeat(x, 3, axis=-1))
    wanted = original(2.0 * wide - 1.0)
    np.testing.assert_allclose(whole(x), wanted, rtol=1e-4, atol=1e-5)


def test_no_adapter_where_there_is_nothing_to_adapt():
    assert adapter_for(ResNet8(3, width=2), (32, 32, 3)) is None
    assert adapter_for(ResNet8(3, width=2), None) is None
    scaled = adapter_for(ResNet8(3, width=2), None, "0-255")
    assert scaled.settings == InputAdapter(scale=255.0).settings


def test_the_base_branch_is_taken():
    split = lived_in(ResNet8(3, width=2, branches=2))
    x = RNG.random((2, 32, 32, 3), np.float32)
    np.testing.assert_array_equal(assembled(split)(x), split(x))


@pytest.mark.parametrize(
    ("trainable", "names"),
    [("all", {"conv", "norm", "dense"}), ("head", {"dense"})]
    + [("last:2", {"norm", "dense"}), ("last:3", {"conv", "norm", "dense"})],
)
def test_which_layers_are_trained(trainable, names):
    model = net(layers.Flatten(), layers.Dense(5, name="dense"))
    set_trainable(model, trainable)
    found = {layer.name for layer in model.layers if layer.trainable_weights}
    assert found == names


@pytest.mark.parametrize("wrong", ["", "body", "last", "last:0", "last:-1", 3])
def test_other_words_are_refused(wrong):
    with pytest.raises(ValueError, match="must be 'all', 'head', or 'last:N'"):
        set_trainable(net(layers.Dense(5)), wrong)
    with pytest.raises(ValueError, match="the 3 of this net"):
        set_trainable(net(layers.Dense(5)), "last:4")


def test_a_head_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="head must be its last layer"):
        assembled(net(layers.Flatten(), layers.Dense(5), layers.ReLU()))
    with pytest.raises(ValueError, match="head must be its last layer"):
        assembled(net(layers.DepthwiseConv2D(1), layers.Flatten()))
