"""TensorFlow's start-up is silent, unless it fails or is asked to speak."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from dat_keras.utils.runtime import cpu_cores, use_fast_kernels

CODE = (
    "from dat_keras.utils.runtime import quiet_tensorflow; import os, sys; "
    "quiet_tensorflow({verbose}); {after}os.write(2, b'visible')"
)


def run(tmp_path, tensorflow, verbose=False, after=""):
    """Runs the start-up with a stand-in for TensorFlow."""
    (tmp_path / "tensorflow.py").write_text(tensorflow)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); " + CODE.format(
        verbose=verbose, after=after
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )


NOISY = """
import os
os.write(2, b'noise of the import ' + os.environ.get(
    'TF_CPP_MIN_LOG_LEVEL', '').encode())
class config:
    def list_physical_devices():
        os.write(2, b'noise of the devices')
"""


def test_noise_is_dropped_and_stderr_comes_back(tmp_path):
    done = run(tmp_path, NOISY)
    assert (done.returncode, done.stderr) == (0, "visible")


def test_verbose_leaves_everything_as_it_is(tmp_path):
    done = run(tmp_path, NOISY, verbose=True, after="import tensorflow; ")
    assert done.returncode == 0
    assert done.stderr.startswith("noise of the import")


def test_messages_of_a_failed_import_are_shown(tmp_path):
    done = run(
        tmp_path, "import os; os.write(2, b'why it failed'); import nothing_"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("why it failed")
    assert "No module named 'nothing_'" in done.stderr
    assert "visible" not in done.stderr


@pytest.mark.parametrize(("chosen", "level"), [(None, "3"), ("1", "1")])
def test_a_users_log_level_stays(monkeypatch, tmp_path, chosen, level):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if chosen:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", chosen)
    done = run(
        tmp_path,
        NOISY,
        after="print(os.environ['TF_CPP_MIN_LOG_LEVEL']); ",
    )
    assert done.stdout.strip() == level


def test_the_real_tensorflow_starts_in_silence(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            CODE.format(
                verbose=False,
                after="import tensorflow as tf; tf.zeros(3) + 1; ",
            ),
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "visible")


@pytest.mark.parametrize(("chosen", "used"), [(None, "1"), ("0", "0")])
def test_fast_kernels_are_a_default(monkeypatch, chosen, used):
    name = "TF_ENABLE_ONEDNN_OPTS"
    monkeypatch.setenv(name, chosen or "")
    if chosen is None:
        monkeypatch.delenv(name)
    use_fast_kernels()
    assert os.environ[name] == used


SUPPORT = Path(__file__).parents[1] / "support"
ARENAS = """
from dat_keras.utils.runtime import share_arenas
from malloc_heaps import malloc_heaps
print(share_arenas(), malloc_heaps())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
@pytest.mark.parametrize(
    ("environment", "told", "arenas"),
    [
        ({}, True, max(1, cpu_cores() // 8)),
        ({"MALLOC_ARENA_MAX": "2"}, False, 2),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=3"}, False, 3),
    ],
    ids=["default", "variable", "tunable"],
)
def test_threads_share_arenas(environment, told, arenas):
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
    }
    done = subprocess.run(
        [sys.executable, "-c", ARENAS],
        capture_output=True,
        text=True,
        env=kept | environment | {"PYTHONPATH": str(SUPPORT)},
    )
    assert done.stdout == f"{told} {min(arenas, 5)}\n", done.stderr
