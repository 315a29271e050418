"""`dk.harden` takes whatever `dk.load_model` takes."""

import numpy as np
import pytest
from pretrained_nets import preset

import dat_keras as dk


def test_a_file_is_its_net(tiny_model, tmp_path):
    tiny_model.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    for source in (tiny_model, tmp_path / "net.keras"):
        model = dk.harden(source, "pgd-at")
        np.testing.assert_array_equal(model(x), tiny_model(x))


def test_a_preset_brings_its_preprocessing(tmp_path):
    own = preset(tmp_path, interpolation="bicubic")
    for shape in (None, (20, 20, 3)):
        model = dk.harden(str(tmp_path), "pgd-at", image_shape=shape)
        x = np.random.default_rng(0).random((2, *model.image_shape))
        x = x.astype(np.float32)
        np.testing.assert_allclose(model(x), own(x), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="brings its own preprocessing"):
        dk.harden(str(tmp_path), "pgd-at", adapter="tf")


def test_what_was_hardened_takes_another_adapter(tiny_model):
    once = dk.harden(tiny_model, "pgd-at", adapter="tf").classifier
    twice = dk.harden(once, "pgd-at", image_shape=(4, 4, 1))
    x = np.full((2, 4, 4, 1), 0.25, np.float32)
    wide = np.full((2, 8, 8, 3), 0.25, np.float32)
    np.testing.assert_allclose(twice(x), once(wide), rtol=1e-5, atol=1e-6)
