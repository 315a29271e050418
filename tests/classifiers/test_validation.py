"""Which classifiers are accepted."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from dat_keras.classifiers.validation import (
    check_classifier,
    check_logits,
    image_shape_of,
)

SHAPE = (8, 8, 3)


def classifier(*end):
    return keras.Sequential([keras.Input(SHAPE), layers.Flatten(), *end])


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ([layers.Dense(4, activation="softmax")], "remove the softmax"),
        ([layers.Dense(1)], r"output shape \(4, 1\)"),
        ([layers.Reshape((3, 64))], r"output shape \(4, 3, 64\)"),
        (
            [layers.Dense(4, bias_initializer=lambda *_, **__: [np.nan] * 4)],
            "NaN or infinity",
        ),
    ],
)
def test_classifiers_that_cannot_be_attacked(end, message):
    with pytest.raises(ValueError, match=message):
        check_classifier(classifier(*end), SHAPE)


def test_number_of_classes(linear_model, tiny_branched):
    assert check_classifier(linear_model, SHAPE) == 2
    assert check_classifier(tiny_branched, SHAPE) == 4


def test_trying_a_classifier_changes_nothing(tiny_branched, snapshot, same):
    before = snapshot(tiny_branched.variables)
    check_classifier(tiny_branched, SHAPE)
    assert same(before, snapshot(tiny_branched.variables))


@pytest.mark.parametrize(
    "logits", [[[0.2, 0.3]], [[1.2, -0.2]], [[0.5, 0.5], [2.0, -1.0]]]
)
def test_logits_that_only_look_like_probabilities(logits):
    check_logits(np.array(logits))


def test_probabilities_are_recognised():
    with pytest.raises(ValueError, match="returns probabilities"):
        check_logits(np.array([[0.25, 0.75], [1.0, 0.0]]))


def test_image_size(tiny_model, tiny_branched):
    assert image_shape_of(tiny_model) == SHAPE
    assert image_shape_of(tiny_branched) == SHAPE


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.Sequential([layers.Flatten()]),
        lambda: keras.Sequential(
            [keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()]
        ),
    ],
)
def test_a_model_that_fixes_no_image_size(make):
    with pytest.raises(ValueError, match="does not say its image size"):
        image_shape_of(make())


@pytest.mark.parametrize(
    ("given", "warns"),
    [
        ([layers.Rescaling(1 / 127.5)], True),
        ([layers.Rescaling(255), layers.Rescaling(1 / 127.5)], False),
        ([layers.Normalization(mean=124.0, variance=3600.0)], True),
        ([layers.Normalization(mean=0.5, variance=0.06)], False),
        ([], False),
    ],
)
def test_a_layer_for_pixels_up_to_255_is_noticed(given, warns):
    inner = keras.Sequential(
        [layers.Input((4, 4, 3)), *given] + [layers.Flatten(), layers.Dense(3)]
    )
    inputs = keras.Input((4, 4, 3))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        check_classifier(keras.Model(inputs, inner(inputs)), (4, 4, 3))
    found = [w for w in seen if "include_preprocessing" in str(w.message)]
    assert bool(found) == warns
