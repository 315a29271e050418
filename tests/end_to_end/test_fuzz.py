"""Damaged files and odd options: one line, a documented exit code, no hang.

Run longer by hand: `pytest tests/end_to_end/test_fuzz.py --hypothesis-seed N`
with FUZZ_EXAMPLES=10000 in the environment.
"""

import copy
import json
import os
import socket
import sys
import time
from pathlib import Path

import click
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dat_keras.cli import main
from dat_keras.core.weights import load_weights, save_weights
from dat_keras.evaluation.resume_state import ResumeFolder, open_resume_state
from dat_keras.recipes import RECIPES, Recipe
from dat_keras.training import checkpoint
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.errors import DamagedFileError, DatKerasError
from dat_keras.utils.run_folder import RunFolder
from dat_keras.zoo.bundle.headers import check_header
from dat_keras.zoo.commands.bundled import read_card, zoo_root

LIMIT = 5.0
"""Seconds that no input may take."""
CODES = {*range(11), 130, 143}

many = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**40, -(2**63), 1e308, 0.5, "", "\x1b[2J", "é" * 9]),
    st.sampled_from(["Linf", "PGD", "Recipe", "RunInfo", "__class__", "../.."]),
)
values = st.one_of(
    leaves,
    st.lists(leaves, max_size=2),
    st.dictionaries(st.sampled_from(["class", "eps", "x"]), leaves, max_size=2),
)


@st.composite
def damaged(draw, content):
    """JSON of a file with one value changed, or its bytes torn."""
    how = draw(st.sampled_from(["value", "gone", "key", "cut", "flip", "deep"]))
    text = json.dumps(content).encode()
    if how == "cut":
        return text[: draw(st.integers(0, len(text) - 1))]
    if how == "deep":
        return b"[" * draw(st.sampled_from([1, 3000])) + text
    if how == "flip":
        torn = bytearray(text)
        torn[draw(st.integers(0, len(torn) - 1))] ^= 1 << draw(
            st.integers(0, 7)
        )
        return bytes(torn)
    changed = copy.deepcopy(content)
    holder = changed
    while True:
        keys = [*holder] if isinstance(holder, dict) else [*range(len(holder))]
        key = draw(st.sampled_from(keys))
        inside = holder[key]
        if not isinstance(inside, (dict, list)) or not inside:
            break
        if draw(st.integers(0, 4)) == 0:
            break
        holder = inside
    if how == "value":
        holder[key] = draw(values)
    elif how == "gone":
        del holder[key]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(["x", "class", ""]))] = draw(values)
    return json.dumps(changed).encode()


def told(*arguments):
    """Runs a command that must end soon, with one line if it fails."""
    began = time.monotonic()
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert time.monotonic() - began < LIMIT, arguments
    assert result.exit_code in CODES, arguments
    odd = isinstance(result.exception, Exception)
    assert not odd, (arguments, result.exception)
    for sign in ("Traceback", "unexpected;"):
        assert sign not in result.stderr, (arguments, result.stderr)
    lines = [line for line in result.stderr.splitlines() if "rror:" in line]
    assert len(lines) <= 1, result.stderr
    return result


def only(errors, function, *arguments):
    """Calls a function that may fail only so, and soon."""
    began = time.monotonic()
    try:
        function(*arguments)
    except errors as error:
        assert str(error)
    assert time.monotonic() - began < LIMIT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run folder without weights, after one epoch."""
    run = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    run.path.mkdir()
    recipe = RECIPES["dat-cifar10-resnet18"]
    RunInfo(recipe, (8, 8, 3), ("a", "b")).write(run.recipe)
    run.history.write_text(HISTORY)
    return run


HISTORY = (
    "epoch,step,loss,val_accuracy,val_robust_accuracy,seconds\n"
    "0,3,1.5,0.5,0.25,1.0\n1,6,1.25,0.5,0.5,1.0\n"
)

INFO = {
    **{"class": "RunInfo", "image_shape": [8, 8, 3], "data_dir": None},
    "class_names": ["a", "b"],
    "recipe": json.loads(RECIPES["dat-cifar10-resnet18"].to_json()),
}


@many
@given(damaged(INFO))
def test_recipes(folder, content):
    folder.recipe.write_bytes(content)
    only(DamagedFileError, RunInfo.read, folder.recipe)
    told("info", folder.path)


@many
@given(damaged(INFO["recipe"]))
def test_recipes_from_text(content):
    only(ValueError, lambda: Recipe.from_json(content.decode()))


@many
@given(st.binary(max_size=30), st.integers(0, len(HISTORY)))
def test_histories(folder, content, at):
    RunInfo(RECIPES["dat-cifar10-resnet18"], (8, 8, 3), ("a", "b")).write(
        folder.recipe
    )
    torn = HISTORY.encode()[:at] + content + HISTORY.encode()[at:]
    folder.history.write_bytes(torn)
    told("info", folder.path)


CARDS = [
    json.loads(path.read_bytes())
    for path in sorted(Path(str(zoo_root() / "cards")).glob("*.json"))[:1]
]


@many
@given(st.data())
def test_cards_and_configs(data):
    content = data.draw(damaged(CARDS[0]))
    only(DatKerasError, read_card, content, "cifar10-dat-resnet18-w16")


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(model, path)
    shapes = {w.path: tuple(w.shape) for w in model.weights}
    return model, path, path.read_bytes(), shapes


@st.composite
def torn(draw, content):
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(changed) - 1))
        changed[at] = draw(st.integers(0, 255))
    return bytes(changed[: draw(st.integers(0, len(changed)))])


@many
@given(st.data())
def test_safetensors(dense, data):
    model, path, content, shapes = dense
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(torn(content)))
    else:
        text = data.draw(damaged(header))
        length = len(text).to_bytes(8, "little")
        path.write_bytes(length + text + content[8 + size :])
    only(DatKerasError, check_header, path, shapes)
    only(DamagedFileError, load_weights, model, path)


IDENTITY = {"model": "0" * 64, "seed": 0, "eps": 0.03, "attacks": {"a": "A()"}}


@many
@given(st.data())
def test_journals(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("state")
    (place / "evaluation.json").write_bytes(data.draw(damaged(IDENTITY)))
    only(
        (DamagedFileError, ValueError), open_resume_state, place, dict(IDENTITY)
    )
    state = ResumeFolder(place)
    state.save("a", {"rows": np.arange(3), "stage": np.array(1)})
    (kept,) = place.glob("*.npz")
    kept.write_bytes(data.draw(torn(kept.read_bytes())))
    only(DamagedFileError, state.load, "a")


@many
@given(damaged({"step": 3, "rate_factor": 1.0, "sha256": {"a": "0" * 64}}))
def test_manifests(tmp_path_factory, content):
    place = tmp_path_factory.mktemp("checkpoints") / "step-00000003"
    place.mkdir()
    (place / checkpoint.MANIFEST).write_bytes(content)
    assert checkpoint.damage(place)
    only(DamagedFileError, checkpoint.newest, place.parent, str)


SHARD = {
    **{"whole": True, "norm": "linf", "eps": 0.1, "protocol": "strict"},
    **{"seed": 0, "batch_size": 4, "date": "2025-01-01", "versions": {}},
    "model": {"sha256": "0" * 64},
    "data": {"name": "a/test", "sha256": "1" * 64},
    "attacks": {
        "natural": {
            **{"name": "natural", "settings": "NoAttack()", "broken": [0]},
            **{"max_distance": 0.0, "seconds": 0.1, "parts": {}},
            **{"forwards": 0, "gradients": 0},
        }
    },
    "shard": {
        **{"index": 1, "count": 1, "total": 3, "classes": 4},
        **{"image_shape": [8, 8, 3], "best_known": 1.0, "sanity": []},
        "invalid": {"natural": [[]]},
    },
}


def test_the_report_that_is_damaged_below_is_good(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(SHARD))
    assert "2/3" in told("merge-reports", tmp_path / "r.json").stdout


@many
@given(damaged(SHARD))
def test_reports(folder, content):
    path = folder.path.parent / "r.json"
    path.write_bytes(content)
    told("merge-reports", path)


ODD = ["", " ", "-1", "0", "1e999", "nan", "8/0", "é", "a" * 300, "\x1b[2J"]
ODD += ["none", "=", "x=1", "..", "1,,2", "linf", "\x00", "10" * 20, "-"]


@st.composite
def command_line(draw, name):
    """A few options of a command with odd values."""
    line = [name]
    options = [
        p
        for p in main.commands[name].params
        if isinstance(p, click.Option) and "--verbose" not in p.opts
    ]
    for option in draw(st.lists(st.sampled_from(options), max_size=4)):
        line.append(option.opts[-1])
        if not option.is_flag:
            line.append(draw(st.sampled_from(ODD)))
    return line


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        # Each would otherwise end in work of its own: no such data or file.
        ("train", ["--dataset", "no-such-data"]),
        ("compare", ["--dataset", "no-such-data"]),
        ("evaluate", ["no-such-folder/run"]),
        ("merge-reports", ["no-such-file.json"]),
        ("info", ["no-such-folder/run"]),
        ("list", ["--threat-model", "no-such"]),
        ("export", ["no-such-folder/run"]),
        ("import-torch", ["no-such-file.pt"]),
    ],
)
def test_options(name, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", _no_network)

    @many
    @given(command_line(name))
    def check(line):
        told(*line, *arguments)

    check()


def _no_network(host, *args, **kwargs):
    raise socket.gaierror(f"no network: {host}")


def test_there_are_no_other_exit_codes():
    text = CliRunner().invoke(main, ["--help"]).output.partition("codes:")[2]
    listed = {int(x.split()[0]) for x in text.splitlines() if x.strip()}
    assert listed == CODES
    assert sys.getrecursionlimit() < 100_000
