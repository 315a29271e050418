"""What a training batch may be."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.training.checks import checked

GOOD = tf.constant([[[[0.0]]], [[[1.0]]]])
LABELS = tf.constant([0, 3])


def test_a_good_batch_passes_unchanged():
    x, y = checked(GOOD, LABELS, 4)
    np.testing.assert_array_equal(x, GOOD)
    np.testing.assert_array_equal(y, LABELS)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_integer_labels_become_int32(dtype):
    _, y = checked(GOOD, tf.cast(LABELS, dtype), 4)
    assert y.dtype == tf.int32


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_float_images_become_float32(dtype):
    x, _ = checked(tf.cast(GOOD, dtype), LABELS, 4)
    assert x.dtype == tf.float32


@pytest.mark.parametrize(
    ("x", "received"),
    [
        (tf.cast(GOOD * 255, tf.uint8), r"uint8 \(2, 1, 1, 1\)"),
        (GOOD[0], r"float32 \(1, 1, 1\)"),
    ],
)
def test_images_of_another_kind(x, received):
    with pytest.raises(ValueError, match=f"floats in .*Received: {received}"):
        checked(x, LABELS, 4)


@pytest.mark.parametrize(
    ("y", "received"),
    [
        (tf.one_hot(LABELS, 4), r"float32 \(2, 4\)"),
        (tf.constant([0.0, 1.0]), r"float32 \(2,\)"),
        (LABELS[:, None], r"int32 \(2, 1\)"),
    ],
)
def test_labels_of_another_kind(y, received):
    with pytest.raises(ValueError, match=f"class ids.*Received: {received}"):
        checked(GOOD, y, 4)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (GOOD * 255, LABELS, "divide by 255"),
        (GOOD - 0.5, LABELS, r"lie in \[0, 1\]"),
        (GOOD * float("nan"), LABELS, r"lie in \[0, 1\]"),
        (GOOD, LABELS + 1, "class ids"),
        (GOOD, LABELS - 1, "class ids"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
def test_values_out_of_range(wrap, x, y, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        wrap(lambda x, y: checked(x, y, 4))(x, y)
