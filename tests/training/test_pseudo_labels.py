"""Labels of a classifier: the largest logit, in chunks, for fitting images."""

import keras
import numpy as np
import pytest

from dat_keras.data.split import Split
from dat_keras.training import pseudo_labels as module
from dat_keras.training.pseudo_labels import pseudo_labels

NAMES = ("a", "b", "c")


def split_of(images):
    return Split(images, np.zeros(len(images), np.int32), NAMES, "toy")


@pytest.fixture
def channels():
    """A classifier whose logits are the one pixel's channels, times 8."""
    net = keras.Sequential(
        [
            keras.Input((1, 1, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(3, use_bias=False),
        ]
    )
    net.set_weights([8 * np.eye(3, dtype=np.float32)])
    return net


def test_the_largest_logit_is_the_label(channels, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 4)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (10, 1, 1, 3)).astype(np.uint8)
    labels, sure = pseudo_labels(channels, split_of(images))
    logits = 8 * images[:, 0, 0].astype(float) / 255
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, logits.argmax(-1))
    np.testing.assert_allclose(sure, shares.max(-1), rtol=1e-5)


def test_a_labeller_must_fit_the_images(channels):
    wide = split_of(np.zeros((2, 1, 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r"images of \(1, 1, 3\), where the"):
        pseudo_labels(channels, wide)
    images = np.zeros((2, 1, 1, 3), np.uint8)
    two = Split(images, np.zeros(2, np.int32), ("a", "b"), "toy")
    with pytest.raises(ValueError, match="number of classes 3, where the"):
        pseudo_labels(channels, two)
