"""`dat-keras analyze` from its arguments to its files."""

import pytest
from click.testing import CliRunner
from command_errors import assert_refused, assert_refused_early

from dat_keras.analysis.analyze import analyze as measure
from dat_keras.analysis.report import SpectralReport
from dat_keras.cli import main
from dat_keras.data import load_split


def run(*arguments):
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)])


def test_table_on_stdout_files_in_the_folder(model, model_file, tmp_path):
    out = tmp_path / "out"
    result = run(
        model_file,
        *("--dataset", "shapes", "--attack", "fgsm", "--eps", "1/255"),
        *("--n-examples", 20, "--batch-size", 16, "--seed", 3, "-o", out),
    )
    assert result.exit_code == 0, result.output
    expected = measure(
        {str(model_file): model},
        load_split("shapes", "test"),
        attack="fgsm",
        eps=1 / 255,
        n_examples=20,
        batch_size=16,
        seed=3,
    )
    assert result.stdout == f"{expected}\n"
    assert result.stderr.splitlines()[-1] == f"wrote {out / 'index.html'}"
    assert SpectralReport.read(out / "report.json") == expected
    again = run(model_file, "--dataset", "shapes", "-o", out)
    assert again.exit_code == 2 and "--overwrite" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--attack", "pgd2O"), "Did you mean 'pgd20'?"),
        (("--attack", "natural"), "Unknown attack 'natural'"),
        (("--norm", "l3"), "Unknown norm 'l3'"),
        (("--eps", "8"), "Did you mean 8/255?"),
        (("--eps", "1/255,1/255"), "given twice"),
        (("--weights", "last"), "those of a run folder"),
        (("--n-examples", "9999"), "must be in [1, 2000]"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(
    model_file, tmp_path, arguments, line
):
    out = ("-o", tmp_path / "out")
    result = run(model_file, "--dataset", "shapes", *out, *arguments)
    assert_refused(result, line, tmp_path)


def test_a_model_file_needs_a_data_set(model_file, tmp_path):
    result = run(model_file, "-o", tmp_path / "out")
    assert result.exit_code == 2 and "name it with --dataset" in result.stderr


def test_what_is_wrong_is_said_before_tensorflow_is_loaded(tmp_path):
    (tmp_path / "a").touch()
    line = "already holds other files"
    arguments = ("analyze", "cifar10-dat-resnet18-w16", "-o", tmp_path)
    assert_refused_early(line, *arguments)
