"""`dat-keras evaluate` from its arguments to its files."""

import hashlib
import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from command_errors import assert_refused

from dat_keras.attacks import pgd
from dat_keras.cli import main
from dat_keras.core.threat_models import Linf
from dat_keras.core.weights import fingerprint
from dat_keras.data import load_split
from dat_keras.evaluation.evaluate import evaluate as measure


def run(*arguments):
    arguments = ["evaluate", *(str(a) for a in arguments)]
    return CliRunner().invoke(main, arguments)


def test_table_on_stdout_progress_on_stderr_numbers_in_json(
    model, model_file, tmp_path
):
    result = run(
        model_file,
        *("--dataset", "shapes", "--attack", "fgsm", "--eps", "1/255"),
        *("--n-examples", 30, "--batch-size", 16, "--seed", 3),
        *("--json", tmp_path / "r.json"),
    )
    assert result.exit_code == 0, result.output
    test = load_split("shapes", "test")
    expected = measure(model, test, "fgsm", eps=1 / 255, n_examples=30, seed=3)
    lines = result.stdout.splitlines()
    assert lines[0] == expected.title()
    assert lines[1].split()[:2] == ["attack", "accuracy"]
    assert [line.split()[0] for line in lines[2:4]] == ["natural", "fgsm"]
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "natural",
        "fgsm",
    ]
    data = json.loads((tmp_path / "r.json").read_text())
    fgsm = data["attacks"]["fgsm"]
    assert fgsm["correct"] == expected["fgsm"].correct
    assert fgsm["broken"] == np.flatnonzero(expected["fgsm"].broken).tolist()
    assert data["eps"] == 1 / 255 and data["seed"] == 3
    assert data["model"]["sha256"] == fingerprint(model)
    assert data["versions"]["keras"] == keras.__version__
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_a_run_knows_its_data_set_and_the_weights_are_chosen(
    monkeypatch, model, tmp_path
):
    asked = {}
    split = load_split("shapes", "test").take(8)

    def load_classifier(path, weights):
        asked.update(path=path, weights=weights)
        recipe = SimpleNamespace(dataset="toy", eval_attack=pgd(Linf(0.1)))
        info = SimpleNamespace(recipe=recipe, data_dir="there")
        return SimpleNamespace(model=model, info=info)

    def load(name, role, data_dir):
        asked.update(data=(name, role, str(data_dir)))
        return split

    monkeypatch.setattr(
        "dat_keras.zoo.commands.load.load_classifier", load_classifier
    )
    monkeypatch.setattr("dat_keras.data.load_split", load)
    natural = ("--attack", "natural")
    source = tmp_path / "runs"
    source.mkdir()
    for name in ("recipe.json", "best.safetensors", "last.safetensors"):
        (source / name).touch()
    assert run(source, *natural, "--weights", "last").exit_code == 0
    assert asked["path"] == source and asked["weights"] == "last"
    assert asked["data"] == ("toy", "test", "there")
    assert run(source, *natural, "--data-dir", tmp_path).exit_code == 0
    assert asked["weights"] == "best"
    assert asked["data"] == ("toy", "test", str(tmp_path))
    result = run(source, *natural, "--dataset", "cifar100")
    assert result.exit_code == 0
    assert asked["data"][0] == "cifar100"
    told = "other_data: the classifier was trained on toy, not on cifar100"
    assert told in result.stderr and told in result.stdout
    result = run(source, *natural, "--norm", "l2", "--json", tmp_path / "r")
    told = "trained against attacks in linf, not in l2"
    assert told in result.stderr and told in result.stdout
    codes = [
        w["code"] for w in json.loads((tmp_path / "r").read_text())["warnings"]
    ]
    assert "other_norm" in codes and "other_data" not in codes
    result = run(source, *natural)
    assert "other_" not in result.output


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--attack", "pgd2O"), "Did you mean 'pgd20'?"),
        (("--eps", "8"), "Did you mean 8/255?"),
        (("--eps", "x"), "expected a number or a fraction such as 8/255"),
        (("--norm", "l3"), "Unknown norm 'l3'"),
        (("--protocol", "dot"), "Did you mean 'dat'?"),
        (("--dataset", "shaps"), "Did you mean 'shapes'?"),
        (("--n-examples", "9999"), "must be in [1, 2000]"),
        (("--certify", "smoothing"), "--certify smoothing needs --sigma."),
        (("--sigma", 0.5), "--sigma needs --certify smoothing."),
        (
            ("--certify", "ibp", "--draws", 9),
            "--draws needs --certify smoothing.",
        ),
        (
            ("--certify", "ibp", "--norm", "l2"),
            "--certify ibp needs --norm linf. Received: l2",
        ),
        (
            ("--certify", "smoothing", "--sigma", 0.5),
            "--certify smoothing needs --norm l2. Received: linf",
        ),
        (("--certify", "ibp", "--shard", "1/2"), "--certify takes no --shard"),
        (("--certify", "crown"), "'crown' is not one of"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(
    model_file, tmp_path, arguments, line
):
    target = ("--json", tmp_path / "r.json")
    result = run(model_file, "--dataset", "shapes", *target, *arguments)
    assert_refused(result, line, tmp_path)


def test_certified_images_have_a_row_and_positions(model_file, tmp_path):
    """A linear net is bounded exactly: no attack breaks a certified image."""
    result = run(
        model_file,
        *("--dataset", "shapes", "--attack", "fgsm", "--eps", "1/255"),
        *("--n-examples", 30, "--certify", "ibp"),
        *("--json", tmp_path / "r.json"),
    )
    assert result.exit_code == 0, result.output
    assert "certified ibp" in result.stdout
    data = json.loads((tmp_path / "r.json").read_text())
    certified = set(data["certificate"]["certified"])
    assert not certified & set(data["attacks"]["fgsm"]["broken"])
    assert "certificate_broken" not in result.stdout


def test_a_model_file_needs_a_data_set(model_file):
    result = run(model_file)
    assert result.exit_code == 2 and "name it with --dataset" in result.stderr


def test_a_path_that_is_nothing(tmp_path):
    result = run(tmp_path / "nothing", "--dataset", "shapes")
    assert result.exit_code == 2
    assert "is neither a run folder nor a .keras file" in result.stderr


def test_a_full_disk_leaves_the_old_json(monkeypatch, model_file, tmp_path):
    target = tmp_path / "r.json"
    target.write_text("old")
    before = hashlib.sha256(target.read_bytes()).digest()

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = run(
        model_file,
        *("--dataset", "shapes", "--attack", "natural", "--n-examples", 4),
        *("--json", target),
    )
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: No space left")
    assert hashlib.sha256(target.read_bytes()).digest() == before
    assert list(tmp_path.iterdir()) == [target]
