"""What is installed, and how fast the command answers."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import dat_keras

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_listed():
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for path in (ROOT / "dat_keras").rglob("__init__.py")
    }
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    assert listed == folders | {"dat_keras.cli", "dat_keras._zoo"}


def test_the_version_is_stated_once():
    assert "version" in PROJECT["project"]["dynamic"]
    assert metadata.version("dat-keras") == dat_keras.__version__


def test_every_public_name_is_there():
    for name in dat_keras.__all__:
        assert getattr(dat_keras, name) is not None
        assert name in dir(dat_keras)
    with pytest.raises(AttributeError, match="nothing"):
        _ = dat_keras.nothing


@pytest.mark.parametrize(
    "arguments",
    [[], *([command] for command in ("train", "evaluate", "compare"))],
    ids=lambda arguments: " ".join(arguments),
)
def test_help_does_not_wait_for_tensorflow(arguments):
    code = (
        "import sys; from dat_keras.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(sorted({'tensorflow', 'keras', 'numpy'} "
        "& sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_another_backend_is_refused_in_one_clear_error():
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; os.environ['KERAS_BACKEND'] = 'jax'; "
            "from dat_keras import train",
        ],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "KERAS_BACKEND=tensorflow" in result.stderr.splitlines()[-1]
