"""`dat-keras train` on a folder of tiny images, and its one-line errors."""

import json
import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from dat_keras.cli import main
from dat_keras.recipes import RECIPES
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.run_folder import RunFolder

FAST = [
    *("--architecture", "resnet8", "--epochs", "1", "--batch-size", "8"),
    *("--method", "trades"),
    *("--set", "width=2", "--set", "objective.attack.steps=1"),
    *("--set", "eval_attack.steps=1", "--eps", "4/255"),
]


@pytest.fixture(scope="module")
def trained(colours, tmp_path_factory):
    """A finished run, with what the command printed."""
    output = tmp_path_factory.mktemp("runs") / "run"
    return output, run(
        *("train", "--dataset", colours, *FAST, "--output", output),
        *("--log", "tensorboard"),
    )


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_train_ends_with_a_table_of_natural_and_pgd20_accuracy(trained):
    output, result = trained
    assert result.exit_code == 0, result.output
    rows = result.stdout.splitlines()
    assert [row.split()[0] for row in rows[-2:]] == ["natural", "pgd20"]
    assert "linf eps 4/255" in result.stdout
    assert "val_robust_accuracy" in result.stderr
    assert "training trades-" in result.stderr


def test_the_resolved_recipe_is_written(trained):
    output, _ = trained
    info = RunInfo.read(RunFolder(output).recipe)
    assert info.recipe.width == 2
    assert info.recipe.objective.attack.steps == 1
    assert info.class_names == ("blue", "green", "red")
    assert json.loads((output / "recipe.json").read_text())["class"]


def test_tensorboard_writes_into_the_run_folder(trained):
    output, _ = trained
    for part in ("train", "validation"):
        assert list((output / "logs" / part).glob("events.*"))


def test_evaluate_takes_the_run(trained):
    output, _ = trained
    result = run("evaluate", output, "--attack", "fgsm")
    assert result.exit_code == 0, result.output
    assert "all 12 images" in result.stdout


def test_a_finished_run_is_not_overwritten_by_accident(trained, colours):
    output, _ = trained
    before = (output / "last.safetensors").read_bytes()
    result = run("train", "--dataset", colours, *FAST, "--output", output)
    assert result.exit_code == 2
    assert "--resume or --overwrite" in result.stderr
    assert (output / "last.safetensors").read_bytes() == before
    result = run("train", "--output", output, "--resume")
    assert result.exit_code == 0, result.output
    assert (output / "last.safetensors").read_bytes() == before
    # The table is of the run's own radius.
    assert "linf eps 4/255" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "cifr10"], "Did you mean 'cifar10'"),
        (["--method", "tradess"], "Did you mean 'trades'"),
        (["--architecture", "resnet81"], "Did you mean 'resnet8'"),
        (["--architecture", "keras_cv/resnt50"], "mean 'keras_cv/resnet50'"),
        (["--recipe", "dat-cifar10-resnet19"], "Did you mean"),
        (["--set", "betta=1"], "Did you mean 'beta'"),
        (["--set", "objective.attack.threat_model.eps=8"], "8/255"),
        (["--epochs", "0"], "--epochs"),
        (["--resume", "--overwrite"], "give either"),
        (["--lr", "fast"], "expected a number"),
        (["--log", "wandbb"], "'tensorboard', 'wandb', 'mlflow'"),
        (["--validation-images", "1001"], "at most 1000"),
    ],
)
def test_typos_get_one_line_and_leave_nothing(arguments, message, tmp_path):
    output = tmp_path / "run"
    result = run("train", *arguments, "--output", output)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not output.exists()


def test_a_run_is_resumed_with_its_own_settings(trained):
    output, _ = trained
    again = ["train", "--output", output, "--resume"]
    for arguments, message in [
        (("--epochs", "1", "--seed", "3"), "seed=3 where the run has 0"),
        (("--lr", "0.5"), "optimizer.learning_rate=0.5 where the run has"),
        (("--method", "natural"), "where the run has"),
    ]:
        result = run(*again, *arguments)
        assert result.exit_code == 2
        assert message in result.stderr


def test_a_data_set_without_test_images_ends_on_validation(colours, tmp_path):
    shutil.copytree(colours, tmp_path / "set")
    for part in ("validation", "val", "test"):
        shutil.rmtree(tmp_path / "set" / part, ignore_errors=True)
    output = tmp_path / "run"
    result = run(
        *("train", "--dataset", tmp_path / "set", *FAST, "--output", output)
    )
    assert result.exit_code == 0, result.output
    assert "no test split" in result.stderr
    assert "set/validation" in result.stdout


def test_classes_of_the_test_images_are_checked_first(colours, tmp_path):
    shutil.copytree(colours, tmp_path / "set")
    (tmp_path / "set" / "test" / "teal").mkdir()
    output = tmp_path / "run"
    result = run(
        *("train", "--dataset", tmp_path / "set", *FAST, "--output", output)
    )
    assert result.exit_code == 2
    assert "'teal'" in result.stderr
    assert not output.exists()


def test_the_size_of_test_images_is_checked_first(colours, tmp_path):
    shutil.copytree(colours, tmp_path / "set")
    for path in (tmp_path / "set" / "test").glob("*/*.png"):
        keras.utils.save_img(path, np.zeros((9, 9, 3)), scale=False)
    output = tmp_path / "run"
    result = run(
        *("train", "--dataset", tmp_path / "set", *FAST, "--output", output)
    )
    assert result.exit_code == 2
    assert "images of shape (9, 9, 3) from set/test" in result.stderr
    assert not list(output.glob("*"))


def test_every_option_has_a_line_of_help():
    for option in main.commands["train"].params:
        assert option.help, option.name


def test_a_data_set_that_is_not_there_says_where_it_looked(
    tmp_path, monkeypatch
):
    def refuse(*args, **kwargs):
        raise OSError("unreachable")

    monkeypatch.setattr("socket.create_connection", refuse)
    options = ["--dataset", "cifar10", "--data-dir", tmp_path / "none"]
    result = run("train", *options, "--output", tmp_path / "run")
    assert result.exit_code == 2
    assert str(tmp_path / "none") in result.stderr
    assert not (tmp_path / "run").exists()


def test_show_prints_the_resolved_recipe_and_trains_nothing(tmp_path):
    output = tmp_path / "run"
    choice = ["--method", "trades", "--set", "objective.beta=3", "--eps=4/255"]
    result = run("train", *choice, "--output", output, "--show")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"trades-shapes-resnet8 into {output}")
    assert "  objective.beta = 3  (number, at least 0)" in lines
    assert "    eval_attack.threat_model.eps = 4/255  (number, at least 0)" in (
        lines
    )
    assert max(map(len, lines[1:])) <= 80
    assert not output.exists()


def test_show_refuses_what_training_refuses():
    result = run("train", "--show", "--set", "betta=1")
    assert result.exit_code == 2
    assert "Did you mean 'beta'" in result.stderr


def test_show_of_a_run_to_resume_is_the_recipe_of_that_run(trained):
    output, _ = trained
    result = run("train", "--output", output, "--resume", "--show")
    assert result.exit_code == 0, result.output
    assert "\nwidth = 2  (" in result.stdout


def test_settings_of_a_run_to_resume_are_those_of_its_method(tmp_path):
    recipe = RECIPES["free-at-shapes-resnet8"]
    RunInfo(recipe, (32, 32, 3), ("a", "b")).write(tmp_path / "recipe.json")
    setting = f"objective.replays={recipe.objective.replays}"
    again = "train", "--output", tmp_path, "--resume", "--show"
    result = run(*again, "--set", setting)
    assert result.exit_code == 0, result.output
    assert recipe.name in result.stdout
