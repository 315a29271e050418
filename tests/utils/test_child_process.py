"""Work in a process of its own."""

import os
import signal
import subprocess
import sys

import pytest

from dat_keras.utils.child_process import _call, in_own_process
from dat_keras.utils.errors import ProcessDiedError

ORPHANED = """
from dat_keras.utils.child_process import _call

work = "import os, time; os.kill(os.getppid(), 9); time.sleep(600)"
_call(int, exec, work)
"""


def test_the_function_runs_elsewhere():
    assert _call(int, os.getpid) != os.getpid()


def test_errors_come_back():
    with pytest.raises(ValueError, match="invalid literal"):
        _call(int, int, "x")


def test_a_killed_process_is_said():
    with pytest.raises(ProcessDiedError, match="killed"):
        _call(int, os._exit, 3)


def test_it_dies_with_the_process_that_started_it():
    # The output ends when the last process that could write to it does.
    parent = subprocess.run(
        [sys.executable, "-c", ORPHANED], capture_output=True, timeout=60
    )
    assert parent.returncode == -signal.SIGKILL, parent.stderr


@pytest.mark.slow
def test_it_is_quiet(capfd):
    assert in_own_process(int, "7") == 7
    assert capfd.readouterr().err == ""
