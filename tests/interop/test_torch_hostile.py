"""Checkpoints that want something else than to be read."""

import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from dat_keras.cli import main
from dat_keras.interop.torch.checkpoint import open_checkpoint
from dat_keras.zoo.errors import RefusedContentError

GOOD = Path(__file__).parents[1] / "gold" / "normalized_preactresnet18.pth"
TENSOR = (
    "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage"
    "ctorch\nFloatStorage\nX\1\0\0\0" + "{key}X\3\0\0\0cpuK{count}tQ"
    "K\0(K{rows}t(K{step}t\x89ccollections\nOrderedDict\n)RtR"
)


class Calls:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


def members(**changes):
    """A checkpoint of one tensor; `None` leaves a member out."""
    made = {
        "a/data.pkl": state(),
        "a/data/0": b"\0" * 16,
        "a/byteorder": b"little",
    } | {name.replace("__", "/"): data for name, data in changes.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in made.items():
            if data is not None:
                archive.writestr(name.replace("data/pkl", "data.pkl"), data)
    return file.getvalue()


def state(key="0", count=4, rows=4, step=1):
    tensor = TENSOR
    for name, value in {"count": count, "rows": rows, "step": step}.items():
        tensor = tensor.replace("{" + name + "}", chr(value))
    tensor = tensor.replace("{key}", key)
    return b"\x80\2}X\1\0\0\0w" + tensor.encode("latin1") + b"s."


def pickled(value):
    return members(**{"a/data.pkl": value})


def compressed():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", state())
        archive.writestr("a/data/0", b"\0" * 50_000_000)
    return file.getvalue()


def flipped():
    """One bit of a weight turned over."""
    data = GOOD.read_bytes()
    with zipfile.ZipFile(GOOD) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/data/2"))
        place = data.index(archive.read(name))
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def many_references():
    """Two short lists whose product would fill the memory."""
    inner = b"](" + b"K\1" * 200_000 + b"eq\0"
    pairs = b"](" + b"h\0" * 200_000 + b"e"
    return (
        b"\x80\2"
        + inner
        + b"0" * 0
        + (b"ccollections\nOrderedDict\n" + pairs + b"\x85R.")
    )


MARK = "executed"
RUN = f"__import__('os').mkdir('{MARK}')"
HOSTILE = {
    "system": pickled(pickle.dumps(Calls(os.mkdir, MARK), 2)),
    "eval": pickled(pickle.dumps(Calls(eval, RUN), 2)),
    "stack global": pickled(pickle.dumps(Calls(os.mkdir, MARK), 4)),
    "inst": pickled(f"(S'{MARK}'\niposix\nmkdir\n.".encode()),
    "object": pickled(f"(cposix\nmkdir\nS'{MARK}'\no.".encode()),
    "state of a function": pickled(b"ctorch._utils\n_rebuild_parameter\n}b."),
    "call of a name": pickled(b"ctorch\nFloatStorage\n)R."),
    "memo": pickled(b"\x80\2}r\xff\xff\xff\xff."),
    "long text": pickled(b"\x80\4\x8d" + struct.pack("<Q", 1 << 60) + b"a."),
    "references": pickled(many_references()),
    "long pickle": pickled(b"\x80\2" + b"}0" * 600_000 + b"."),
    "deep": pickled(b"\x80\2" + b"(" * 900_000 + b"."),
    "tuple key": pickled(b"\x80\2})K\1s."),
    "no stop": pickled(b"\x80\2}"),
    "empty stack": pickled(b"\x80\2s."),
    "no data.pkl": pickled(None),
    "not a state dict": pickled(b"\x80\2K\1."),
    "no storage": members(**{"a/data/0": None}),
    "short storage": members(**{"a/data/0": b"\0" * 8}),
    "path": pickled(state(key="/")),
    "beyond": pickled(state(rows=5)),
    "strides": pickled(state(rows=4, step=2)),
    "repeats": pickled(state(count=1, rows=100, step=0)),
    "big-endian": members(**{"a/byteorder": b"big"}),
    "compressed": compressed(),
    "cut": GOOD.read_bytes()[:30_000],
    "bit": flipped(),
    "legacy": pickle.dumps(Calls(os.mkdir, MARK), 2),
    "web page": b"<!DOCTYPE html><html>quota exceeded</html>",
    "empty": b"",
    "text": b"no checkpoint",
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_and_nothing_runs(name, suffix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"net{suffix}"
    path.write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        with pytest.raises(RefusedContentError), open_checkpoint(path) as found:
            for tensor in found.values():
                tensor.read()
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100_000_000
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_exits_with_six(tmp_path):
    (tmp_path / "a.pth").write_bytes(HOSTILE["system"])
    (tmp_path / "b.pth").write_bytes(HOSTILE["legacy"])
    for name, line in (("a", "mkdir"), ("b", "PyTorch before 1.6")):
        options = ("--architecture", "resnet18", "-o", str(tmp_path / "out"))
        path = str(tmp_path / f"{name}.pth")
        result = CliRunner().invoke(main, ["import-torch", path, *options])
        assert result.exit_code == 6
        assert line in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_one_good_tensor_is_read(tmp_path):
    (tmp_path / "a.pth").write_bytes(members())
    with open_checkpoint(tmp_path / "a.pth") as found:
        assert found["w"].read().tolist() == [0, 0, 0, 0]
