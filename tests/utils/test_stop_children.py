"""SIGTERM and Ctrl-C end the processes that were begun, in their own time."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from dat_keras.utils.errors import RunInterruptedError
from dat_keras.utils.stop_children import STOP, stop_children_at_signal

PARENT = """
import signal, sys
from dat_keras.utils.child_process import call_side_by_side, in_own_process
from dat_keras.utils.errors import RunInterruptedError
from dat_keras.utils.stop_children import stop_children_at_signal

def call(work):
    in_own_process(exec, work)

if __name__ == "__main__":
    try:
        with stop_children_at_signal():
            call_side_by_side(call, [(sys.argv[1],), ("print('next')",)], 1)
    except RunInterruptedError as error:
        print(error, flush=True)
        sys.exit(error.exit_code)
"""
SAVING = """
import os, signal, sys
from dat_keras.utils.stop_children import STOP

def save(number, frame):
    print("saved", flush=True)
    sys.exit()

signal.signal(STOP, save)
os.kill(os.getppid(), signal.{name})
while True:
    signal.pause()
"""
DEAF = """
import os, signal
from dat_keras.utils.stop_children import STOP

def again(number, frame):
    os.kill(os.getppid(), signal.SIGTERM)

signal.signal(STOP, again)
os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""


@pytest.fixture
def parent(tmp_path):
    """Runs a program that waits for a process with this work."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)

    def run(work):
        command = [sys.executable, str(script), work]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120
        )

    return run


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_process_is_asked_to_save_and_waited_for(parent, name, code):
    done = parent(SAVING.format(name=name))
    assert done.returncode == code, done.stderr
    saved, line = done.stdout.splitlines()
    assert saved == "saved"
    assert line == f"stopped by {name}; --resume goes on"
    assert "Traceback" not in done.stderr and "leaked" not in done.stderr


def test_a_second_signal_kills_a_process_that_does_not_end(parent):
    done = parent(DEAF)
    assert done.returncode == 143, done.stderr
    assert "next" not in done.stdout


def test_the_handlers_before_are_back():
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(RunInterruptedError, match="stopped by SIGTERM"):
        with stop_children_at_signal():
            os.kill(os.getpid(), signal.SIGTERM)
    after = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    assert after == before


def test_another_thread_takes_no_signal_over():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def enter():
        with stop_children_at_signal():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


def test_the_request_is_no_signal_that_a_scheduler_sends():
    assert STOP not in (signal.SIGTERM, signal.SIGINT)
