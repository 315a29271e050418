"""Presets of KerasHub, saved here: their preprocessing lies inside the net."""

import importlib.util

import numpy as np
import pytest
from pretrained_nets import preset

from dat_keras.classifiers.keras_hub_preset import load_preset, read_preset
from dat_keras.utils.errors import DamagedFileError, MissingPackageError
from dat_keras.utils.presets import is_preset
from dat_keras.zoo.commands.load import load_model

IMAGENET = {
    "scale": [1 / (255 * s) for s in (0.229, 0.224, 0.225)],
    "offset": [-2.1, -2.0, -1.8],
}


@pytest.mark.parametrize(
    ("name", "converter", "size"),
    [
        ("resnet", {}, (16, 16)),
        ("resnet", {"scale": None}, (16, 16)),
        ("resnet", {"image_size": None}, (12, 12)),
        ("resnet", {**IMAGENET, "antialias": True}, (20, 28)),
        (
            "resnet",
            {"crop_to_aspect_ratio": False, "interpolation": "bicubic"},
            (20, 28),
        ),
        ("mobilenet", IMAGENET, (24, 24)),
        ("vit", IMAGENET, (8, 8)),
    ],
)
def test_logits_are_those_of_its_own_preprocessor(
    name, converter, size, tmp_path
):
    own = preset(tmp_path, name, **converter)
    assert is_preset(tmp_path)
    x = np.random.default_rng(0).random((3, *size, 3), np.float32)
    found = load_preset(tmp_path, (*size, 3))(x)
    np.testing.assert_allclose(found, own(x), rtol=1e-5, atol=1e-5)


def test_it_loads_wherever_a_model_is_named(tmp_path):
    own = preset(tmp_path)
    x = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    model = load_model(tmp_path)
    np.testing.assert_allclose(model(x), own(x), rtol=1e-5, atol=1e-5)


def test_without_keras_hub_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"dat-keras\[keras-hub\]"):
        read_preset(tmp_path)


def test_a_damaged_preset_is_refused(tmp_path):
    preset(tmp_path)
    (tmp_path / "task.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="KerasHub cannot read"):
        read_preset(tmp_path)
