"""`dat-keras evaluate --fail-under`, for CI jobs."""

import json

import keras
import pytest
from click.testing import CliRunner

from dat_keras.cli import main

FAST = ("--dataset", "shapes", "--n-examples", 20, "--attack", "fgsm,cw")


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((32, 32, 3)), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    path = tmp_path_factory.mktemp("models") / "net.keras"
    model.save(path)
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def test_too_low_an_accuracy_has_an_exit_code_after_all_is_written(
    net, tmp_path
):
    file = tmp_path / "r.json"
    result = run(
        *(net, *FAST, "--json", file, "--protocol", "dat"),
        *("--fail-under", "natural=1", "--fail-under", "cw=99/100"),
    )
    assert result.exit_code == 9, result.output
    attacks = json.loads(file.read_text())["attacks"]
    natural, cw = (attacks[n]["accuracy"] for n in ("natural", "cw-dat"))
    assert result.stderr.splitlines()[-1] == (
        f"error: --fail-under: {net}: natural {natural:.4f} < 1; "
        f"{net}: cw {cw:.4f} < 0.99"
    )
    assert "fgsm" in result.stdout


def test_an_accuracy_that_is_reached_is_no_failure(net):
    result = run(net, *FAST, "--fail-under", "fgsm=0")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("autoattack=0.4", "--fail-under autoattack needs autoattack in"),
        ("fgsm=40", "an accuracy in [0, 1], such as autoattack=0.4"),
        ("fgsm=much", "Received: fgsm=much"),
        ("0.4", "Received: 0.4"),
    ],
)
def test_other_thresholds_are_refused_before_work(net, option, line):
    result = run(net, *FAST, "--fail-under", option)
    assert result.exit_code == 2
    assert line in result.stderr.splitlines()[-1]


def test_a_threshold_is_given_once_and_for_all_images(net):
    twice = ("--fail-under", "fgsm=0", "--fail-under", "fgsm=1")
    result = run(net, *FAST, *twice)
    assert result.exit_code == 2 and "is given twice" in result.stderr
    result = run(net, *FAST, *twice[:2], "--shard", "1/2")
    assert result.exit_code == 2 and "takes no --shard" in result.stderr


def test_the_exit_code_is_documented():
    told = CliRunner().invoke(main, ["--help"]).stdout
    assert "9    an accuracy is lower than --fail-under" in told
    assert "exit code 9" in " ".join(run("--help").stdout.split())
