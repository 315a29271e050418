"""`dat-keras train --init`: what is refused at once, and one whole run."""

import json

import keras
import pytest
from click.testing import CliRunner
from keras import layers

from dat_keras.cli import main

FAST = [
    *("--epochs", "1", "--batch-size", "8", "--method", "trades"),
    *("--set", "objective.attack.steps=1", "--set", "eval_attack.steps=1"),
]


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.GlobalMaxPooling2D(),
            layers.Dense(5, "softmax"),
        ]
    )
    path = tmp_path_factory.mktemp("nets") / "net.keras"
    net.save(path)
    return path


def test_a_file_is_hardened_resumed_and_evaluated(file, colours, tmp_path):
    begin = ["train", "--dataset", colours, *FAST]
    begin += ["--init", file, "--trust", "--trainable", "last:2"]
    begin += ["--preprocessing", "tf", "--output", tmp_path / "run"]
    result = run(*begin)
    assert result.exit_code == 0, result.output
    assert "a new head of 3 classes in place of 5" in result.stderr
    assert "input adapter: size=(6, 6), scale=2, offset=-1" in result.stderr
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    init = recipe["recipe"]["init"]
    assert init["source"] == str(file) and len(init["sha256"]) == 64
    assert (init["adapter"], init["trainable"]) == ("tf", "last:2")
    assert recipe["recipe"]["name"].endswith("-pretrained")
    for again in (begin, ["train", "--output", tmp_path / "run"]):
        result = run(*again, "--resume")
        assert result.exit_code == 0, result.output
        assert "the run is finished" in result.stderr
    result = run("evaluate", tmp_path / "run", "--attack", "fgsm")
    assert result.exit_code == 0, result.output
    assert "Traceback" not in result.output
    result = run("info", tmp_path / "run")
    assert f"architecture that of {file}" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--init", "FILE"], "add --trust if you trust who made it"),
        (["--init", "no/such/net"], "error"),
        (["--trainable", "head"], "--trainable is for the net of --init"),
        (["--preprocessing", "tf"], "--preprocessing is for the net of --init"),
        (["--trust"], "--trust is for .keras files"),
        (["--set", "teacher=FILE"], "add --trust if you trust who made it"),
        (
            ["--method", "ard", "--set", "objective.teacher=FILE"],
            "add --trust if you trust who made it",
        ),
        (
            ["--extra", "shapes", "--extra-labels", "FILE"],
            "add --trust if you trust who made it",
        ),
        (
            ["--trust", "--method", "ard", "--set", "teacher=shapes-dat"],
            "are read as data. received: shapes-dat",
        ),
        (
            ["--init", "FILE", "--trust", "--trainable", "body"],
            "--trainable is all, head, or last:N",
        ),
        (
            ["--init", "FILE", "--trust", "--architecture", "resnet8"],
            "has its own architecture",
        ),
    ],
)
def test_other_options_are_refused_in_one_line(file, options, message):
    result = run("train", *[o.replace("FILE", str(file)) for o in options])
    assert result.exit_code != 0
    assert message in result.stderr.lower() or message in result.stderr
    assert "Traceback" not in result.output
