"""Completion by bash, zsh and fish, which loads no TensorFlow."""

import json
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from dat_keras.architectures import ARCHITECTURES
from dat_keras.cli import _names, _recipe_names, main
from dat_keras.objectives import OBJECTIVES
from dat_keras.recipes import ADDITIONS, RECIPES
from dat_keras.zoo.commands.bundled import cards


@pytest.fixture
def values(tmp_path, monkeypatch):
    """Completes the last of some words in a folder with a run."""
    (tmp_path / "runs" / "shapes-dat").mkdir(parents=True)
    (tmp_path / "runs" / "shapes-dat" / "recipe.json").write_text("{}")
    (tmp_path / "runs" / "notes").mkdir()
    monkeypatch.chdir(tmp_path)

    def complete(*words):
        *before, last = words
        shell = BashComplete(main, {}, "dat-keras", "_DAT_KERAS_COMPLETE")
        return [i.value for i in shell.get_completions(before, last)]

    return complete


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train", "--method", "tra"), ["trades"]),
        (("train", "--method", "dat+no-j"), ["dat+no-js"]),
        (
            ("train", "--architecture", "wrn"),
            ["wrn-34-10", "wrn-28-10", "wrn-70-16"],
        ),
        (("train", "--dataset", "cifar"), ["cifar10", "cifar100"]),
        (("train", "--recipe", "mart-shapes"), ["mart-shapes-resnet8"]),
        (("compare", "--methods", "trades,id"), ["trades,idbh"]),
        (("compare", "--methods", "trades,dat+aw"), ["trades,dat+awp"]),
        (("bench", "--method", "pgd"), ["pgd-at"]),
        (("evaluate", "runs/"), ["runs/shapes-dat"]),
        (("evaluate", "a", "--attack", "cw"), ["cw", "cw-dat"]),
        (("analyze", "a", "--dataset", "sh"), ["shapes"]),
        (("report", "runs/s"), ["runs/shapes-dat"]),
    ],
)
def test_values_are_completed(values, words, expected):
    assert values(*words) == expected


def test_models_of_the_zoo_are_completed_and_files_left_to_the_shell(values):
    name = cards()[0].name
    for command in ("evaluate", "info", "export"):
        assert name in values(command, name[:-1])
    assert values("evaluate", "some/fi") == ["some/fi"]


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_each_shell_has_a_script(shell):
    completes = shell(main, {}, "dat-keras", "_DAT_KERAS_COMPLETE")
    script = completes.source_template % completes.source_vars()
    assert "_DAT_KERAS_COMPLETE" in script


CODE = """
import json, sys
from click.shell_completion import BashComplete
from dat_keras.cli import main
shell = BashComplete(main, {}, "dat-keras", "_DAT_KERAS_COMPLETE")
for words in json.loads(sys.argv[1]):
    assert shell.get_completions(words, "")
print(sorted({"keras", "tensorflow"} & sys.modules.keys()))
"""


def test_no_tensorflow_is_loaded():
    words = [["train", "--method"], ["train", "--recipe"], ["evaluate"]]
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(words)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_names_are_those_of_the_tables():
    assert list(_recipe_names.METHODS) == list(OBJECTIVES)
    assert set(_names.ARCHITECTURES) <= ARCHITECTURES.keys()
    assert list(_recipe_names.ADDITIONS) == list(ADDITIONS)
    assert set(_recipe_names.recipe_names()) == RECIPES.keys()
