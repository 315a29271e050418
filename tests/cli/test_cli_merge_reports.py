"""`evaluate --shard` and `merge-reports`, from arguments to files."""

import json

import keras
import pytest
from click.testing import CliRunner

from dat_keras.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def evaluation(tmp_path):
    keras.utils.set_random_seed(1)
    image = keras.Input((32, 32, 3), name="image")
    logits = keras.layers.Dense(10, name="logits")
    path = tmp_path / "net.keras"
    keras.Model(image, logits(keras.layers.Flatten()(image))).save(path)
    return [
        *("evaluate", path, "--dataset", "shapes", "--n-examples", 30),
        *("--attack", "fgsm", "--eps", "1/255", "--batch-size", 8),
    ]


def test_merged_files_are_those_of_one_piece(evaluation, tmp_path):
    whole = run(*evaluation, "--json", tmp_path / "whole.json")
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for i, file in enumerate(files, 1):
        part = run(*evaluation, "--shard", f"{i}/2", "--json", file)
        assert part.exit_code == 0, part.output
        assert f"those from {15 * (i - 1)} to {15 * i - 1}," in part.stdout
    merged = run("merge-reports", *files, "--json", tmp_path / "merged.json")
    assert merged.exit_code == 0, merged.output
    rows = [r.stdout.splitlines() for r in (whole, merged)]
    assert rows[0][0] == rows[1][0]
    one, other = (
        json.loads((tmp_path / f"{name}.json").read_text())
        for name in ("whole", "merged")
    )
    for report in (one, other):
        del report["date"]
        for result in report["attacks"].values():
            del result["seconds"]
    assert one == other
    one_missing = run("merge-reports", files[0])
    assert one_missing.exit_code == 2
    assert "2/2 missing" in one_missing.stderr


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--shard", "1/2"], "--shard needs --json"),
        (["--shard", "2/1", "--json", "r.json"], "such as 2/8"),
        (["--shard", "1/31", "--json", "r.json"], "the number of images"),
        (["--shard", "1/2", "--json", "r.json", "--eps", "0,1/255"], "one"),
    ],
)
def test_a_shard_without_use_is_refused(
    options, line, evaluation, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = run(*evaluation, *options)
    assert result.exit_code == 2
    assert line in result.stderr
