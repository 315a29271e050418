"""Gradients against their closed forms."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.gradients import input_gradient, terms_and_gradients
from dat_keras.losses import cross_entropy


def test_input_gradient_of_a_linear_model(linear_model, batch, assert_close):
    x, y = batch[0], batch[1] % 2
    kernel, bias = (w.astype(np.float64) for w in linear_model.get_weights())
    logits, values, gradient = input_gradient(
        linear_model, lambda z: cross_entropy(z, y), x
    )
    z = x.numpy().reshape(8, -1) @ kernel + bias
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    own = np.arange(8), y.numpy()
    residual = p.copy()
    residual[own] -= 1
    assert_close(logits, z, rtol=1e-4, atol=1e-4)
    assert_close(values, -np.log(p[own]), rtol=1e-3, atol=1e-5)
    # The gradient of each row's own loss: a mean would be eight times less.
    expected = (residual @ kernel.T).reshape(x.shape)
    assert_close(gradient, expected, rtol=1e-3, atol=1e-5)


def test_input_gradient_watches_the_image_alone(tiny_model, batch):
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(batch[0])
        input_gradient(tiny_model, lambda z: z[:, 0], batch[0])
    assert outer.watched_variables() == ()


@pytest.fixture
def terms():
    a, b = keras.Variable([2.0, 3.0]), keras.Variable(5.0)
    unused = keras.Variable([1.0])
    return (
        (a, b, unused),
        lambda: {
            "square": tf.reduce_sum(a.value**2),
            "product": a.value[0] * b.value,
        },
    )


def test_terms_gradient_is_that_of_their_sum(terms):
    (a, b, _), function = terms
    values, ((of_a,), (of_b,)) = terms_and_gradients(function, [a], [b])
    assert {k: float(v) for k, v in values.items()} == {
        "square": 13.0,
        "product": 10.0,
    }
    assert of_a.numpy().tolist() == [2 * 2 + 5, 2 * 3]
    assert float(of_b) == 2


def test_scale_multiplies_the_gradient_not_the_terms(terms):
    (a, *_), function = terms
    values, ((of_a,),) = terms_and_gradients(function, [a], scale=-0.5)
    assert of_a.numpy().tolist() == [-4.5, -3.0]
    assert float(values["square"]) == 13.0


def test_weights_without_influence_get_zero(terms):
    (*_, unused), function = terms
    _, ((gradient,), none) = terms_and_gradients(function, [unused], [])
    assert gradient.numpy().tolist() == [0.0] and none == []


def test_keras_on_another_backend_is_refused_in_one_sentence():
    code = (
        "import sys, types; keras = types.ModuleType('keras');"
        "keras.config = types.SimpleNamespace(backend=lambda: 'jax');"
        "sys.modules['keras'] = keras;"
        "import dat_keras.losses"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: dat_keras runs on Keras' Tensor")
    assert "backend='jax'" in message and "KERAS_BACKEND" in message
