"""Repositories of strangers that want something else than to be loaded."""

import hashlib
import json
import pickle
import resource
import struct

import keras
import numpy as np
import pytest
from safetensors.numpy import load, save

import dat_keras as dk
from dat_keras.zoo.errors import ZooError
from dat_keras.zoo.folder import read_folder

SAFETENSORS = "model.safetensors"


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def change_block(change):
    """Changes the `dat_keras` block of the config."""

    def act(files):
        config = json.loads(files["config.json"])
        change(config["dat_keras"])
        files["config.json"] = json.dumps(config).encode()

    return act


def change_text(old, new):
    def act(files):
        assert old.encode() in files["config.json"]
        files["config.json"] = files["config.json"].replace(
            old.encode(), new.encode(), 1
        )

    return act


def whole_config(data):
    return lambda files: files.update({"config.json": data})


def change_weights(change):
    """Changes the weights, and the hash that the config has of them."""

    def act(files):
        data = files[SAFETENSORS] = change(files[SAFETENSORS])
        digest = hashlib.sha256(data).hexdigest()
        change_block(
            lambda block: block["files"].update(
                {SAFETENSORS: {"sha256": digest, "size": len(data)}}
            )
        )(files)

    return act


def change_tensors(change):
    def act(data):
        tensors = {k: v.copy() for k, v in load(data).items()}
        change(tensors)
        return save(tensors, metadata={"format": "keras"})

    return change_weights(act)


def change_header(change):
    def act(data):
        (length,) = struct.unpack("<Q", data[:8])
        header = change(data[8 : 8 + length])
        return struct.pack("<Q", len(header)) + header + data[8 + length :]

    return change_weights(act)


def not_finite(tensors):
    tensors["logits/kernel"][0, 0] = np.nan


def set_field(**fields):
    return change_block(lambda block: block.update(fields))


HOSTILE = {
    "no block": whole_config(b'{"class_name": "Functional"}'),
    "no json": whole_config(pickle.dumps(Evil())),
    "a list": whole_config(b"[1]"),
    "deep": whole_config(b'{"a":' * 100_000),
    "long number": whole_config(b'{"a": ' + b"9" * 100_000 + b"}"),
    "key twice": change_text('"format": 1', '"format": 1, "format": 1'),
    "nan": change_text('"eps": 0.0', '"eps": NaN, "x": 0.0'),
    "infinite": change_text('"eps": 0.0', '"eps": 1e999, "x": 0.0'),
    "huge config": lambda f: f.update({"config.json": b" " * 5_000_000}),
    "huge card": lambda f: f.update({"README.md": b" " * 5_000_000}),
    "later format": set_field(format=2),
    "architecture": set_field(architecture="evil"),
    "path as architecture": set_field(architecture="../../evil"),
    "architecture's type": set_field(architecture=["resnet8"]),
    "argument": set_field(kwargs={"sync_bn": True}),
    "wide": set_field(kwargs={"width": 10**9}),
    "not that wide": set_field(architecture="wrn-34-10", kwargs={"width": 999}),
    "true width": set_field(kwargs={"width": True}),
    "bad mean": set_field(kwargs={"mean_std": [[0.5], [0.5]]}),
    "classes": set_field(num_classes=10**7),
    "names": set_field(class_names=["a"]),
    "control characters": set_field(class_names=["a", "b", "\x1b[2J"]),
    "image": set_field(input_shape=[10**6, 10**6, 3]),
    "image's type": set_field(input_shape="8x8"),
    "no hash": set_field(files={}),
    "bad hash": set_field(files={SAFETENSORS: {"sha256": "0", "size": 1}}),
    "foreign hash": set_field(
        files={SAFETENSORS: {"sha256": "0" * 64, "size": 1}}
    ),
    "nan weight": change_tensors(not_finite),
    "missing": change_tensors(lambda t: t.pop("logits/bias")),
    "extra": change_tensors(lambda t: t.update(x=np.zeros(1, "f"))),
    "shape": change_tensors(
        lambda t: t.update({"logits/bias": np.zeros((1, 3), "f")})
    ),
    "type": change_tensors(
        lambda t: t.update({"logits/bias": np.zeros(3, "d")})
    ),
    "pickle": change_weights(lambda data: pickle.dumps(Evil())),
    "page": change_weights(lambda data: b"<html>" * 1000),
    "empty": change_weights(lambda data: b""),
    "header bomb": change_weights(lambda data: b"\0" * 7 + b"\x10" + data),
    "truncated": change_weights(lambda data: data[:-1]),
    "trailing": change_weights(lambda data: data + b"x"),
    "too long": change_weights(lambda data: data + b"\0" * 5_000_000),
    "tensor twice": change_header(
        lambda h: h[:-1].rstrip(b" }") + b'},"__metadata__":{}}'
    ),
    "overlap": change_header(
        lambda h: h.replace(b'"data_offsets":[0,', b'"data_offsets":[1,')
    ),
    "shape bomb": change_header(lambda h: h.replace(b"[3]", b"[1152921504]")),
}


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
    with pytest.raises(dk.errors.DatKerasError) as caught:
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
        "../../evil.py": b"raise SystemExit('executed')",
        **{f"extra/{i}.txt": b"x" for i in range(10_000)},
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
