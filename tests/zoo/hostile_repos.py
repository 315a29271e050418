"""Changes that make a good repository a hostile one, by name."""

import hashlib
import json
import pickle
import struct

import numpy as np
from safetensors.numpy import load, save

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


def more_files(*names):
    return lambda files: files.update(dict.fromkeys(names, b"x"))


def only(*names):
    """Leaves files of these names, pickled where they were not there."""

    def act(files):
        kept = {n: files.get(n, pickle.dumps(Evil())) for n in names}
        files.clear()
        files.update(kept)

    return act


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
    "path upwards": more_files("../../evil.py"),
    "path inside": more_files("eval/../../evil.py"),
    "absolute path": more_files("/etc/evil.py"),
    "empty part": more_files("eval//evil.py"),
    "path of windows": more_files("..\\evil.py"),
    "path for the terminal": more_files("\x1b[2J.txt"),
    "many files": more_files(*(f"extra/{i}.txt" for i in range(10_000))),
    "keras archive": only("model.keras", "README.md"),
    "pickled weights": only("config.json", "pytorch_model.bin"),
    "weights of keras": only("config.json", "model.weights.h5"),
}
