"""Exported classifiers give the same logits, or are not kept."""

from dataclasses import replace
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from dat_keras.architectures import OWN
from dat_keras.architectures.swish_resnet import SwishWideResNet
from dat_keras.cli import main
from dat_keras.interop import export
from dat_keras.utils.errors import MissingPackageError
from dat_keras.zoo.errors import ConflictError, RefusedContentError

NAMES = {
    "keras": "net.keras",
    "saved_model": "net",
    "tflite": "net.tflite",
    "onnx": "net.onnx",
}


@pytest.fixture
def net(tiny_branched):
    for variable in tiny_branched.weights:
        if "moving_mean" in variable.path:
            variable.assign(keras.random.normal(variable.shape, seed=1))
    return tiny_branched


ONNX = pytest.param(
    "onnx",
    marks=pytest.mark.skipif(
        not (find_spec("tf2onnx") and find_spec("onnxruntime")),
        reason="needs the extra `onnx`",
    ),
)


@pytest.mark.parametrize("name", ["keras", "saved_model", "tflite", ONNX])
def test_what_is_written_gives_the_same_logits(name, net, tmp_path):
    path = tmp_path / "new" / NAMES[name]
    assert export.export(net, name, path)
    images = np.random.default_rng(3).random((5, 8, 8, 3), np.float32)
    found = export.FORMATS[name].run(path, images)
    np.testing.assert_allclose(found, net(images), rtol=1e-4, atol=1e-4)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(ConflictError, match="exists"):
        export.export(net, name, path)


def test_other_logits_are_not_kept(net, tmp_path, monkeypatch):
    wrong = replace(export.FORMATS["keras"], run=lambda path, x: net(x) + 2e-3)
    monkeypatch.setitem(export.FORMATS, "keras", wrong)
    with pytest.raises(RefusedContentError, match="other logits"):
        export.export(net, "keras", tmp_path / "net.keras")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(net, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_installed", lambda name: False)
    with pytest.raises(MissingPackageError, match="pip install tf2onnx"):
        export.export(net, "onnx", tmp_path / "net.onnx")


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["keras", "saved_model", "tflite", ONNX])
@pytest.mark.parametrize("architecture", OWN)
def test_every_architecture_in_every_format(architecture, name, tmp_path):
    net = OWN[architecture](3, input_shape=(32, 32, 3), width=2)
    assert export.export(net, name, tmp_path / NAMES[name])


@pytest.mark.parametrize("name", ["keras", "saved_model", "tflite", ONNX])
def test_swish_and_padding_on_one_side_are_exported(name, tmp_path):
    """Two branches, normalised images, not square."""
    net = SwishWideResNet(
        10,
        3,
        input_shape=(8, 12, 3),
        branches=2,
        width=1,
        mean_std=([0.4] * 3, [0.2] * 3),
    )
    path = tmp_path / NAMES[name]
    assert export.export(net, name, path)
    images = np.random.default_rng(3).random((5, 8, 12, 3), np.float32)
    found = export.FORMATS[name].run(path, images)
    np.testing.assert_allclose(found, net(images), rtol=1e-4, atol=1e-4)


def test_the_command_takes_a_model_file(tiny_model, tmp_path):
    tiny_model.save(tmp_path / "a.keras")

    def call(name, output, source="a.keras"):
        source = str(tmp_path / source)
        options = ["--format", name, "-o", str(tmp_path / output)]
        return CliRunner().invoke(main, ["export", source, *options])

    result = call("keras", "b.keras")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/b.keras\n")
    for name, output, line, code in [
        ("karas", "c", "Did you mean 'keras'", 2),
        ("keras", "c", "must end in .keras", 2),
        ("keras", "b.keras", "exists", 7),
    ]:
        result = call(name, output)
        assert result.exit_code == code and line in result.stderr
        # The model is not even looked for.
        nowhere = call(name, output, source="nowhere.keras")
        assert nowhere.stderr == result.stderr
        assert result.stderr.count("\n") == 1
