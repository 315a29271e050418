"""Repositories of strangers that want something else than to be loaded."""

import json
import pickle
import resource

import keras
import numpy as np
import pytest
from hostile_repos import HOSTILE, SAFETENSORS, Evil

import dat_keras as dk
from dat_keras.utils.errors import DatKerasError
from dat_keras.zoo.bundle.read import read_folder
from dat_keras.zoo.errors import ZooError


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_models_are_refused(hub, cli, published, tmp_path, name):
    files = dict(published)
    HOSTILE[name](files)
    hub.put("mallory/net", files)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = tmp_path / "home" / "out"
    result = cli("pull", "mallory/net", "-o", out, code=6)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # kB
    assert not out.parent.exists()
    assert len(result.stderr.splitlines()) == 1 and len(result.stderr) < 600
    assert "\x1b" not in result.output


@pytest.mark.parametrize("name", ["nan weight", "foreign hash", "pickle"])
def test_folders_are_not_trusted_either(published, tmp_path, name):
    files = dict(published)
    HOSTILE[name](files)
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with pytest.raises(DatKerasError) as caught:
        read_folder(tmp_path)
    assert caught.value.exit_code == 6


def test_the_part_for_keras_is_never_looked_at(
    hub, published, net, images, monkeypatch
):
    config = json.loads(published["config.json"])
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "evil", "function": {"class_name": "__lambda__"}},
        "registered_name": None,
    }
    files = {**published, "model.weights.h5": pickle.dumps(Evil())}
    files["config.json"] = json.dumps({**config, "config": layer}).encode()
    files |= {
        "model.keras": pickle.dumps(Evil()),
        "pytorch_model.bin": pickle.dumps(Evil()),
        "modeling.py": b"raise SystemExit('executed')",
    }
    hub.put("mallory/net", files)

    def refuse(*arguments, **options):
        raise AssertionError("deserialised")

    for name in ("load_model", "load_weights", "deserialize_keras_object"):
        monkeypatch.setattr(keras.saving, name, refuse, raising=False)
    monkeypatch.setattr(keras.Model, "from_config", refuse)
    found = dk.load_model("mallory/net")
    np.testing.assert_array_equal(found(images), net(images))
    asked = {
        p.split("/", 5)[5]
        for _, p in hub.requests("HEAD", "GET")
        if "/resolve/" in p
    }
    assert asked == {
        "config.json",
        "model.safetensors",
        "README.md",
        "eval/results.json",
    }


def test_weights_that_cannot_fit_are_not_fetched(hub, cli, published):
    files = dict(published)
    HOSTILE["too long"](files)
    hub.put("mallory/net", files)
    cli("pull", "mallory/net", code=6)
    assert not [p for _, p in hub.requests("GET") if SAFETENSORS in p]


def test_a_damaged_cache_folder_says_so(hub, published):
    hub.put("mallory/net", {**published, "eval/results.json": b"[]"})
    with pytest.raises(ZooError, match="results.json does not match"):
        dk.load_model("mallory/net")
