"""Work in a process of its own."""

import os
import platform
import signal
import subprocess
import sys
import threading

import pytest
from malloc_heaps import malloc_heaps

from dat_keras.utils.child_process import (
    THREADS,
    _call,
    call_side_by_side,
    in_limited_process,
    in_own_process,
)
from dat_keras.utils.errors import ProcessDiedError
from dat_keras.utils.runtime import cpu_cores

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


def test_a_limited_process_has_its_number_of_threads():
    before = [os.environ.get(name) for name in THREADS]
    for name in THREADS:
        assert in_limited_process(3, os.getenv, name) == "3"
    assert [os.environ.get(name) for name in THREADS] == before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_its_threads_share_arenas(monkeypatch):
    for name in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    assert in_own_process(malloc_heaps) <= max(1, cpu_cores() // 8)


def test_calls_run_at_a_time_and_an_error_ends_the_rest():
    begun, meeting = [], threading.Barrier(2)

    def call(number):
        begun.append(number)
        meeting.wait(timeout=60)
        if number < 2:
            raise ValueError(number)

    with pytest.raises(ValueError):
        call_side_by_side(call, [(i,) for i in range(2)], workers=2)
    assert sorted(begun) == [0, 1]


@pytest.mark.slow
def test_it_is_quiet(capfd):
    assert in_own_process(int, "7") == 7
    assert capfd.readouterr().err == ""
