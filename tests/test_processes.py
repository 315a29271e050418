"""Work in a process of its own."""

import os

import pytest

from dat_keras.errors import ProcessDiedError
from dat_keras.processes import _call, in_own_process


def test_the_function_runs_elsewhere():
    assert _call(int, os.getpid) != os.getpid()


def test_errors_come_back():
    with pytest.raises(ValueError, match="invalid literal"):
        _call(int, int, "x")


def test_a_killed_process_is_said():
    with pytest.raises(ProcessDiedError, match="killed"):
        _call(int, os._exit, 3)


@pytest.mark.slow
def test_it_is_quiet(capfd):
    assert in_own_process(int, "7") == 7
    assert capfd.readouterr().err == ""
