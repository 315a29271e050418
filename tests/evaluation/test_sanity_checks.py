"""What is refused, and what is warned of, before and after an attack."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.constraints import within_threat_model
from dat_keras.evaluation.evaluate import evaluate

IMAGE = (8, 8, 3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.uniform(size=(10, *IMAGE)).astype("f"), rng.integers(0, 2, 10)


def test_constant_logits_are_right_for_class_zero_and_raise_zero_grad():
    layers = [
        keras.layers.Flatten(),
        keras.layers.Dense(3, None, True, "zeros"),
    ]
    model = keras.Sequential([keras.Input(IMAGE), *layers])
    x, y = np.full((6, *IMAGE), 0.5, "f"), np.array([0, 1, 2, 0, 0, 1])
    report = evaluate(model, (x, y), "fgsm,pgd20,cw")
    assert all(row.correct == 3 for row in report.results)
    assert [c.code for c in report.cautions] == ["zero_grad"]
    advice = report.cautions[0].advice
    assert "for 3 of 3 images that are right there" in advice


def test_no_zero_grad_where_the_right_class_comes_third():
    # DLR of three classes is 1 there, whatever the net; the image is broken.
    def falls(x):
        away = keras.ops.abs(x[:, 0, 0] - 0.5)
        return keras.ops.concatenate([2 - 100 * away, away, 2 * away], -1)

    model = keras.Sequential([keras.Input((1, 1, 1)), Odd(falls)])
    images = np.full((4, 1, 1, 1), 0.5, "f"), np.zeros(4, np.int32)
    report = evaluate(model, images, "fgsm", eps=0.1)
    assert report.cautions == ()


def test_nan_logits_are_an_error(linear_model, data):
    kernel, bias = linear_model.get_weights()
    kernel[0, 0] = np.nan
    linear_model.set_weights([kernel, bias])
    with pytest.raises(ValueError, match="NaN or infinity"):
        evaluate(linear_model, data)


def test_nan_on_one_image_is_an_error(linear_model, data):
    def undefined_at_zero(x):
        return x + 0.0 / x

    model = keras.Sequential(
        [keras.Input(IMAGE), Odd(undefined_at_zero), linear_model]
    )
    evaluate(model, data, "natural")
    x = data[0].copy()
    x[7, 0, 0, 0] = 0.0
    with pytest.raises(ValueError, match="NaN or infinity"):
        evaluate(model, (x, data[1]), "natural", batch_size=4)


def test_probabilities_are_an_error(linear_model, data):
    model = keras.Sequential([linear_model, keras.layers.Softmax()])
    with pytest.raises(ValueError, match="remove the softmax"):
        evaluate(model, data)


class Odd(keras.layers.Layer):
    """A layer that misbehaves in inference."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def call(self, x, training=None):
        return self.change(x)


@pytest.mark.parametrize(
    ("codes", "change"),
    [
        (["randomized"], lambda x: x + 0.1 * tf.random.normal(tf.shape(x))),
        (["train_mode"], lambda x: x - tf.reduce_mean(x, 0)),
        (["zero_grad"], lambda x: tf.stop_gradient(x) + 0.0 * x),
        (
            ["dynamic"],
            lambda x: tf.while_loop(
                lambda i, x: i < 3, lambda i, x: (i + 1, 0.9 * x), (0, x)
            )[1],
        ),
        ([], lambda x: 1000.0 * x),
    ],
)
def test_suspicious_classifiers_get_a_warning(
    linear_model, data, codes, change
):
    model = keras.Sequential([keras.Input(IMAGE), Odd(change), linear_model])
    report = evaluate(model, data, "natural", batch_size=8)
    assert [c.code for c in report.cautions] == codes


class OddOne(keras.layers.Layer):
    """Draws in one pass of five only."""

    def __init__(self):
        super().__init__()
        self.passes = self.add_weight(shape=(), trainable=False)

    def call(self, x):
        self.passes.assign_add(1.0)
        return x + tf.where(self.passes % 5.0 == 0.0, x, 0.0)


def test_five_passes_are_compared(linear_model, data):
    model = keras.Sequential([keras.Input(IMAGE), OddOne(), linear_model])
    model.layers[0].passes.assign(0.0)
    report = evaluate(model, data, "natural", batch_size=8)
    assert "randomized" in [c.code for c in report.cautions]


def noise(shift):
    x = np.full((1, 2, 2, 1), 0.5)
    return x + shift, x


@pytest.mark.parametrize(
    ("threat_model", "shift", "valid"),
    [
        (Linf(0.1), 0.1 + 9e-7, True),
        (Linf(0.1), 0.1 + 2e-6, False),
        (Linf(1.0), 0.5 + 2e-7, False),
        (Linf(1.0), 0.5 + 5e-8, True),
        # Four pixels: the L2 norm is twice the shift.
        (L2(0.5), 0.25 * (1 + 9e-6), True),
        (L2(0.5), 0.25 * (1 + 2e-5), False),
        (L2(0.5), -0.25, True),
        (Linf(0.1), np.nan, False),
    ],
)
def test_verification_tolerates_rounding_only(threat_model, shift, valid):
    distance, found = within_threat_model(*noise(shift), threat_model)
    assert found.tolist() == [valid]
    scale = 2 if isinstance(threat_model, L2) else 1
    np.testing.assert_allclose(distance, [scale * abs(shift)], rtol=1e-12)
