"""`dat-keras evaluate --corruptions` from its options to its JSON."""

import json

import pytest
from click.testing import CliRunner

from dat_keras.cli import main


def run(*arguments):
    arguments = ["evaluate", *(str(a) for a in arguments)]
    return CliRunner().invoke(main, arguments)


def test_rows_in_the_table_and_in_json(model_file, tmp_path):
    result = run(
        *(model_file, "--dataset", "shapes", "--attack", "natural"),
        *("--n-examples", 20, "--corruptions", "fog,contrast"),
        *("--severities", "1,4-5", "--json", tmp_path / "r.json"),
    )
    assert result.exit_code == 0, result.output
    assert "mean error" in result.stdout
    written = json.loads((tmp_path / "r.json").read_text())["corruptions"]
    assert list(written["accuracy"]) == ["fog", "contrast"]
    assert list(written["accuracy"]["fog"]) == ["1", "4", "5"]


@pytest.mark.parametrize(
    "options",
    [
        ("--corruptions", "smog"),
        ("--severities", "3"),
        ("--corruptions", "all", "--severities", "0-5"),
        ("--corruptions", "all", "--attack", "autoattack"),
        ("--corruptions", "all", "--save-adversarial", "x.npz"),
        ("--published",),
    ],
)
def test_what_cannot_be_done_is_refused(model_file, options):
    result = run(model_file, "--dataset", "shapes", *options)
    assert result.exit_code == 2
