"""What a training batch may be."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.training.batch import asserted, read_batch, value_checks

GOOD = tf.constant([[[[0.0]]], [[[1.0]]]])
LABELS = tf.constant([0, 3])
SHAPE = (1, 1, 1)
IMAGES = tf.TensorSpec((None, None, None, 1))


def checked(*data, classes=4):
    batch = read_batch(data, SHAPE, classes)
    return asserted(batch, value_checks(batch, classes))


def test_a_good_batch_passes_unchanged():
    batch = checked(GOOD, LABELS)
    np.testing.assert_array_equal(batch.x, GOOD)
    np.testing.assert_array_equal(batch.y, LABELS)
    assert batch.weight is None


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_integer_labels_become_int32(dtype):
    for shape in ((2,), (2, 1)):
        y = checked(GOOD, tf.reshape(tf.cast(LABELS, dtype), shape)).y
        assert y.dtype == tf.int32
        np.testing.assert_array_equal(y, LABELS)


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8"])
def test_distributions_become_float32(dtype):
    y = checked(GOOD, tf.cast(tf.one_hot(LABELS, 4), dtype)).y
    assert y.dtype == tf.float32
    np.testing.assert_array_equal(y, tf.one_hot(LABELS, 4))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_float_images_become_float32(dtype):
    assert checked(tf.cast(GOOD, dtype), LABELS).x.dtype == tf.float32


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_weights_become_one_number_an_image(shape):
    weight = checked(GOOD, LABELS, tf.fill(shape, 2)).weight
    assert weight.numpy().tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (tf.cast(GOOD * 255, tf.uint8), r"floats in .*d: uint8 \(2, 1, 1, 1\)"),
        (GOOD[0], r"floats in .*Received: float32 \(1, 1, 1\)"),
        (tf.zeros((2, 2, 1, 1)), r"input, \(1, 1, 1\)\. Received: \(2, 1, 1\)"),
        ({"image": GOOD}, "one array of floats.*Received: dict"),
    ],
)
def test_images_of_another_kind(x, message):
    with pytest.raises(ValueError, match=message):
        checked(x, LABELS)


def test_images_of_unknown_size_are_read_at_the_classifiers():
    @tf.function(
        input_signature=[IMAGES, tf.TensorSpec(2, "int32")],
        autograph=False,
    )
    def read(x, y):
        return read_batch((x, y), SHAPE, 4).x

    assert read(GOOD, LABELS).shape == (2, 1, 1, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible"):
        read(tf.zeros((2, 2, 2, 1)), LABELS)


@pytest.mark.parametrize(
    ("y", "received"),
    [
        (tf.one_hot(LABELS, 5), r"float32 \(2, 5\)"),
        (tf.constant([0.0, 1.0]), r"float32 \(2,\)"),
        (tf.constant([[0.0], [1.0]]), r"float32 \(2, 1\)"),
        ({"label": LABELS}, "dict"),
        (None, "NoneType"),
    ],
)
def test_labels_of_another_kind(y, received):
    with pytest.raises(ValueError, match=f"class ids.*Received: {received}"):
        checked(GOOD, y)


def test_weights_of_another_shape():
    with pytest.raises(ValueError, match=r"`sample_weight`.*d: \(2, 3\)"):
        checked(GOOD, LABELS, tf.ones((2, 3)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((GOOD * 255, LABELS), "divide by 255"),
        ((GOOD - 0.5, LABELS), r"lie in \[0, 1\]"),
        ((GOOD * float("nan"), LABELS), r"lie in \[0, 1\]"),
        ((GOOD, LABELS + 1), "class ids"),
        ((GOOD, LABELS - 1), "class ids"),
        ((GOOD, 2 * tf.one_hot(LABELS, 4)), "no negative share"),
        ((GOOD, 0.5 * tf.one_hot(LABELS, 4)), "sum to 1"),
        ((GOOD, LABELS, tf.constant([1.0, -1.0])), "not negative"),
        ((GOOD, LABELS, tf.constant([1.0, float("nan")])), "finite"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
def test_values_out_of_range(wrap, data, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        wrap(lambda *data: checked(*data).x)(*data)


@pytest.mark.parametrize("place", [0, 7, 15])
@pytest.mark.parametrize("jit", [False, True])
def test_a_nan_among_good_pixels_is_named(place, jit):
    @tf.function(jit_compile=jit, autograph=False)
    def least(x):
        batch = read_batch((x, tf.zeros(16, tf.int32)), SHAPE, 4)
        return value_checks(batch, 4)[0].least

    x = np.full((16, 1, 1, 1), 0.5, np.float32)
    x[place] = np.nan
    assert np.isnan(least(tf.constant(x)).numpy())


def test_values_whose_rank_the_trace_has_lost():
    unknown = tf.TensorSpec(None, "int64")

    @tf.function(
        input_signature=[tf.TensorSpec(GOOD.shape), unknown, unknown],
        autograph=False,
    )
    def read(x, y, weight):
        batch = read_batch((x, y, weight), SHAPE, 4)
        return batch.y, batch.weight

    for shape in ((2,), (2, 1)):
        y = tf.reshape(tf.cast(LABELS, tf.int64), shape)
        labels, weight = read(GOOD, y, y)
        np.testing.assert_array_equal(labels, LABELS)
        np.testing.assert_array_equal(weight, LABELS)
