"""Strided 1x1 convolutions that would crash oneDNN's gradient kernel."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.onednn import strided_conv2d

CODE = """
import numpy as np, tensorflow as tf
from dat_keras.architectures import ResNet8
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.gradients import terms_and_gradients

def check(wrap, side):
    net = ResNet8(10, input_shape=(side, side, 3), width=8)
    predict = wrap(net)

    @tf.function(autograph=False)
    def gradients(x):
        return terms_and_gradients(
            lambda: {"loss": tf.reduce_sum(predict(x) ** 2)},
            net.trainable_variables,
        )[1][0]

    x = np.random.default_rng(0).random((7, side, side, 3), np.float32)
    found = gradients(tf.constant(x))
    assert all(np.isfinite(g).all() for g in found)

for side in (32, 64):
    print("ours", side, flush=True)
    check(lambda net: Predictor(net, training=True), side)
    print("Keras", side, flush=True)
    check(lambda net: lambda x: net(x, training=True), side)
"""


def test_a_narrow_net_trains():
    """In a process of its own, which a crash would end."""
    run = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr[-500:]


@pytest.mark.parametrize("side", [5, 6])
def test_the_slice_gives_the_same_numbers(side):
    draw = np.random.default_rng(side)
    x = draw.integers(-4, 5, (2, side, side, 3)).astype("f")
    kernel = draw.integers(-4, 5, (1, 1, 3, 4)).astype("f")
    expected = tf.nn.conv2d(x, kernel, 2, "VALID")
    assert np.array_equal(strided_conv2d(x, kernel, (2, 2)), expected)
