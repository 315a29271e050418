"""Run folders and files for `load_model` and `info`, without the Hub."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from zoo_runs import make_run

import dat_keras as dk
from dat_keras.objectives import OBJECTIVES
from dat_keras.recipes import RECIPES
from dat_keras.training.run_info import load_classifier
from dat_keras.utils.errors import DamagedFileError, RunFolderError
from dat_keras.zoo.bundle.write import from_run
from dat_keras.zoo.commands.describe_run import selection

HISTORY = """epoch,step,loss,val_accuracy,val_robust_accuracy,seconds
0,10,2.0,0.5,0.25,1
1,20,1.5,0.75,0.25,1
2,30,1.0,0.875,0.125,1
"""


@pytest.fixture
def trained(tmp_path):
    """A run whose best and last weights differ."""
    path = make_run(tmp_path / "runs" / "shapes-dat", seed=2)
    (path / "best.safetensors").rename(path / "last.safetensors")
    make_run(path)
    (path / "history.csv").write_text(HISTORY)
    return path


def test_load_model_takes_a_run_and_its_weights(trained, images):
    best, last = (load_classifier(trained, w).model for w in ("best", "last"))
    assert not np.array_equal(best(images), last(images))
    for found, wanted in (
        (dk.load_model(trained), best),
        (dk.load_model(str(trained), weights="best"), best),
        (dk.load_model(trained, weights="last"), last),
    ):
        np.testing.assert_array_equal(found(images), wanted(images))


def test_load_model_takes_a_keras_file(net, images, tmp_path):
    net.save(tmp_path / "net.keras")
    found = dk.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(found(images), net(images))


@pytest.mark.parametrize(
    ("teacher", "published"),
    [
        ("/home/me/secret/teacher", "teacher"),
        ("../secret/teacher", "teacher"),
        ("secret/teacher.keras", "teacher.keras"),
        ("somebody/net@main", "somebody/net@main"),
        ("shapes-dat-resnet8", "shapes-dat-resnet8"),
    ],
)
def test_folders_of_a_teacher_are_not_published(teacher, published, tmp_path):
    recipe = RECIPES["ard-shapes-resnet8"]
    objective = replace(recipe.objective, teacher=teacher)
    run = make_run(tmp_path / "run", objective=objective)
    config = from_run(run).spec.to_json({})
    assert "secret" not in json.dumps(config)
    assert config["training"]["objective"]["teacher"] == published


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"weights": "newest"}, "weights 'newest'"),
        ({"dataset": "shapes"}, "select among zoo names only"),
        ({"threat_model": "Linf"}, "select among zoo names only"),
    ],
)
def test_arguments_without_effect_on_a_run_are_refused(trained, options, line):
    with pytest.raises(ValueError, match=line):
        dk.load_model(trained, **options)


@pytest.mark.parametrize("name", ["somebody/net", "cifar10-dat-resnet18-w16"])
def test_weights_are_chosen_of_runs_only(name):
    with pytest.raises(ValueError, match="those of a run folder only"):
        dk.load_model(name, weights="last")


def test_the_data_set_of_a_repository_is_not_chosen(cli):
    with pytest.raises(ValueError, match="select among zoo names only"):
        dk.load_model("somebody/net", dataset="cifar10")
    for command in ("info", "pull"):
        told = cli(command, "somebody/net", "--dataset", "cifar10", code=2)
        assert "select among zoo names only" in told.stderr


def test_a_path_that_is_no_run_is_not_asked_of_the_hub(trained):
    with pytest.raises(RunFolderError, match="Did you mean .*shapes-dat"):
        dk.load_model(trained.with_name("shapes-dta"))
    (trained / "last.safetensors").unlink()
    with pytest.raises(DamagedFileError, match="no last weights yet"):
        dk.load_model(trained, weights="last")


def test_info_describes_a_run_without_network(trained, cli):
    told = json.loads(cli("info", trained, "--json").stdout)
    assert told["method"] == "DAT" and told["dataset"] == "shapes"
    assert told["threat_model"] == "linf 8/255"
    assert told["input_shape"] == [8, 8, 3]
    assert told["validation"] == {
        "best": "natural 75.00 %, robust 25.00 % (epoch 1)",
        "last": "natural 87.50 %, robust 12.50 % (epoch 2)",
    }
    assert list(told["files"]) == ["best.safetensors", "last.safetensors"]
    lines = cli("info", trained).stdout
    assert "validation best" in lines and "(epoch 1)" in lines


def test_info_describes_a_run_that_has_just_begun(trained, cli):
    for name in ("history.csv", "best.safetensors", "last.safetensors"):
        (trained / name).unlink()
    told = json.loads(cli("info", trained, "--json").stdout)
    assert told["validation"] == told["files"] == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("recipe.json", "{"),
        ("recipe.json", "{}"),
        ("recipe.json", "[]"),
        ("history.csv", "epoch\n0\n"),
    ],
)
def test_info_says_which_file_of_a_run_is_damaged(trained, cli, name, text):
    (trained / name).write_text(text)
    told = cli("info", trained, code=6).stderr
    assert f"cannot read {trained / name}" in told


def test_info_on_a_run_refuses_what_has_no_effect(trained, cli):
    told = cli("info", trained, "--revision", "v1", code=2)
    assert "a path has no revision" in told.stderr
    told = cli("info", trained, "--dataset", "shapes", code=2)
    assert "select among zoo names only" in told.stderr


def test_info_describes_a_keras_file(cli, tmp_path):
    (tmp_path / "net.keras").write_bytes(b"abc")
    told = json.loads(cli("info", tmp_path / "net.keras", "--json").stdout)
    assert told["size"] == 3 and told["sha256"].startswith("ba7816bf")


def test_info_on_a_run_imports_no_tensorflow(trained):
    code = (
        "import sys; from dat_keras.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "info", str(trained)],
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_best_epoch_is_chosen_as_the_method_says(name):
    cls = OBJECTIVES[name]
    assert selection(cls.__name__) == cls.selects_by
