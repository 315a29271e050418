"""`dat-keras train --extra`: one whole run, and what is refused at once."""

import json

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from dat_keras.cli import main
from dat_keras.comparison.grid import grid_of
from dat_keras.comparison.row_spec import RowSpec

FAST = [
    *("--epochs", "1", "--batch-size", "8", "--method", "natural"),
    *("--architecture", "resnet8", "--set", "width=2"),
    *("--set", "eval_attack.steps=1"),
]


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_a_run_records_and_resumes_its_extra_images(colours, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3))
    path = colours / "test" / "red" / "0.png"
    images[2] = tf.io.decode_png(tf.io.read_file(str(path)))
    source = tmp_path / "made.npz"
    np.savez(source, image=images.astype(np.uint8), label=np.arange(9) % 3)
    begin = ["train", "--dataset", colours, *FAST, "--extra", source]
    begin += ["--extra-fraction", "1/2", "--output", tmp_path / "run"]
    result = run(*begin)
    assert result.exit_code == 0, result.output
    assert "1 exact (rows 2) and 0 near ones" in result.stderr
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["recipe"]["extra"] == {
        "class": "ExtraData",
        "source": str(source),
        "fraction": 0.5,
        "labels": None,
    }
    for again in (begin, ["train", "--output", tmp_path / "run"]):
        result = run(*again, "--resume")
        assert result.exit_code == 0, result.output
        assert "the run is finished" in result.stderr
    result = run(*begin, "--resume", "--extra-fraction", "0.7")
    assert result.exit_code == 2
    assert "extra.fraction=0.7 where the run has 0.5" in result.stderr
    result = run("info", tmp_path / "run")
    assert f"50 % of each batch from {source}" in result.stdout
    source.unlink()
    result = run("train", "--output", tmp_path / "run", "--resume")
    assert result.exit_code == 2 and "which is not there" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--extra-fraction", "0.5"], "is for the images of --extra"),
        (["--extra-labels", "net"], "--extra-labels is for the images of"),
        (["--extra", "no.npz"], "there is no file no.npz"),
        (["--extra", __file__ + "/no"], "--extra must be a name"),
        (["--extra", "shpaes"], "Did you mean 'shapes'"),
        (["--extra", "shapes", "--extra-fraction", "0"], "greater than 0"),
        (["--extra", "shapes", "--extra-fraction", "1.5"], "at most 1"),
        (["--extra", "shapes", "--extra-labels", "no/run/x"], "error"),
    ],
)
def test_other_options_are_refused_in_one_line(options, message):
    result = run("train", *options)
    assert result.exit_code != 0
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"text")
    result = run("train", "--extra", tmp_path / "a.npz")
    assert result.exit_code == 2 and "is no .npz file" in result.stderr


def test_a_row_of_a_comparison_has_extra_images_of_its_own(tmp_path):
    row = RowSpec.parse("more: trades extra.source=a.npz extra.fraction=0.5")
    grid = grid_of(("trades", row), {})
    assert [r.extra.source for r in grid.recipes] == [None, "a.npz"]
    options = ["--methods", "natural", "--output", tmp_path / "grid"]
    result = run("compare", *options, "--set", "natural:extra.source=no.npz")
    assert result.exit_code == 2
    assert "no.npz, which is not there" in result.stderr
    assert not (tmp_path / "grid").exists()
