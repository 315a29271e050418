"""TensorFlow's start-up is silent, unless it fails or is asked to speak."""

import os
import subprocess
import sys

import pytest

from dat_keras.utils.runtime import use_fast_kernels

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
