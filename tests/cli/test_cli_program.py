"""The program as a whole: help, exit codes, backend, closed pipes."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from dat_keras.cli import main
from dat_keras.utils.version import __version__
from dat_keras.zoo.errors import DatKerasError

PROGRAM = "import sys; from dat_keras.cli import main; sys.exit(main())"


@pytest.mark.parametrize("name", [None, *main.commands])
def test_every_command_takes_h_for_help(name):
    before = [name] if name else []
    short, long = (
        CliRunner().invoke(main, [*before, option])
        for option in ("-h", "--help")
    )
    assert short.exit_code == 0 and short.output == long.output
    assert "-h, --help" in short.output


def test_the_version_is_that_of_the_package():
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0 and __version__ in result.output


def codes(cls):
    return {cls.exit_code}.union(*map(codes, cls.__subclasses__()))


@pytest.mark.parametrize("name", [None, *main.commands])
def test_help_lists_every_exit_code(name):
    before = [name] if name else []
    text = CliRunner().invoke(main, [*before, "--help"]).output
    listed = {
        int(line.split()[0])
        for line in text.partition("Exit codes:")[2].splitlines()
        if line.strip()
    }
    assert codes(DatKerasError) | {0, 1, 2, 9, 130, 143} == listed


def test_another_backend_is_one_line_and_exit_code_2():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--help"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: dat_keras runs on Keras' TensorFlow")
    assert "KERAS_BACKEND=tensorflow" in line


def test_a_reader_that_ends_early_causes_no_message():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "info", "cifar10-dat-resnet18-w16"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("name", ["train", "compare", "bench"])
def test_help_names_choices(name):
    text = CliRunner().invoke(main, [name, "--help"]).output
    assert "wrn-34-10" in text and "list --methods" in " ".join(text.split())


HEAVY = """
import sys
from dat_keras.cli import main
try:
    main()
finally:
    print({"keras", "tensorflow"} & sys.modules.keys())
"""


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("info", "shapes-dat-resnet88"), 3, "'shapes-dat-resnet8'"),
        (("pull", "shapes-dat-resnet88"), 3, "'shapes-dat-resnet8'"),
        (("list", "--threat-model", "lnf"), 2, "Did you mean 'linf'"),
        (("evaluate", "a.keras", "--eps", "x,y"), 2, "such as 8/255"),
        (("evaluat",), 2, "No such command 'evaluat'"),
    ],
)
def test_unknown_names_are_refused_without_tensorflow(
    tmp_path, arguments, code, line
):
    done = subprocess.run(
        [sys.executable, "-c", HEAVY, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert line in done.stderr
    assert done.stdout.splitlines()[-1] == "set()"
