"""Every error becomes one line and an exit code."""

import errno
import subprocess
import sys

import click
import pytest
import tensorflow as tf
from click.testing import CliRunner

from dat_keras.cli._errors import OneLineErrors, verbose_option
from dat_keras.cli._types import FractionType, NewFile
from dat_keras.training.batch import Batch, asserted, value_checks
from dat_keras.utils.errors import DamagedFileError, RunFolderError


def run(error, *arguments):
    @click.group(cls=OneLineErrors)
    def main():
        pass

    @main.command()
    @verbose_option
    def fail(verbose):
        raise error

    return CliRunner().invoke(main, ["fail", *arguments])


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("`eps` must\nbe positive."), 2, "`eps` must be positive."),
        (ValueError("First.\n\nArguments received:\n x"), 2, "First."),
        (RunFolderError("runs/a holds no run"), 2, "runs/a holds no run"),
        (DamagedFileError("cannot read w"), 6, "cannot read w"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a"),
            1,
            "No space left on device: runs/a; nothing was overwritten, "
            "free some space and try again",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
            1,
            "No such file or directory: a",
        ),
        (OSError("odd"), 1, "odd"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory; try a smaller --batch-size"),
        (
            RuntimeError("odd"),
            1,
            "RuntimeError: odd (unexpected; -v shows the traceback)",
        ),
        (
            AssertionError(),
            1,
            "AssertionError (unexpected; -v shows the traceback)",
        ),
    ],
)
def test_an_error_is_one_line(error, code, line):
    result = run(error)
    assert result.stderr == f"error: {line}\n"
    assert result.exit_code == code
    assert result.stdout == ""


def test_verbose_adds_the_traceback():
    result = run(ValueError("bad"), "-v")
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.endswith("error: bad\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.UsageError("Name it."), 2),
        (click.exceptions.Exit(0), 0),
        (click.Abort(), 1),
    ],
)
def test_clicks_own_ends_are_left_to_click(error, code):
    result = run(error)
    assert result.exit_code == code
    assert "error:" not in result.stderr


@tf.function
def check(x, y):
    batch = Batch(x, y)
    return asserted(batch, value_checks(batch, 10)).x


@pytest.mark.parametrize(
    ("pixel", "label", "line"),
    [
        (
            255.0,
            1,
            "Images must lie in [0, 1]; divide by 255? expected [0.0, 1.0], "
            "received [255, 255]",
        ),
        (
            0.5,
            10,
            "Labels must be class ids: expected [0, 9], received [10, 10]",
        ),
    ],
)
def test_errors_of_the_graph_say_their_readable_part(pixel, label, line):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        check(tf.fill((1, 2, 2, 1), pixel), tf.constant([label]))
    result = run(caught.value)
    assert (result.exit_code, result.stderr) == (2, f"error: {line}\n")


def test_other_errors_of_the_graph_lose_their_stack():
    @tf.function
    def fail(x):
        return tf.debugging.check_numerics(x, "The loss is not finite.")

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        fail(tf.constant(float("nan")))
    assert run(caught.value).stderr == (
        "error: The loss is not finite. : Tensor had NaN values\n"
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("8/255", 8 / 255), ("0.5", 0.5), ("1e-2", 0.01), ("0", 0.0)],
)
def test_fractions(text, number):
    assert FractionType().convert(text, None, None) == pytest.approx(number)


@pytest.mark.parametrize("text", ["8/0", "eight", "nan", "inf", "1e999", ""])
def test_other_numbers_are_refused(text):
    with pytest.raises(click.BadParameter, match="such as 8/255"):
        FractionType().convert(text, None, None)


def test_a_file_to_write_needs_its_folder(tmp_path):
    path = tmp_path / "r.json"
    assert NewFile().convert(str(path), None, None) == path
    with pytest.raises(click.BadParameter, match="there is no folder"):
        NewFile().convert(str(tmp_path / "no" / "r.json"), None, None)


def test_nothing_heavy_is_imported_for_the_options():
    code = (
        "import sys, dat_keras.cli.evaluate; "
        "sys.exit(str({'tensorflow', 'keras', 'numpy', 'rich'} "
        "& set(sys.modules)) if {'tensorflow', 'keras', 'numpy', 'rich'} "
        "& set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
