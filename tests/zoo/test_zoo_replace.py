"""Replacing a model's folder: the old state or the new, never nothing."""

import http.client
import os
import shutil
import signal
import socket
import threading
from pathlib import Path

import pytest
from hub_server import Hub

from dat_keras.zoo.bundle.folder import (
    check_target,
    is_model_folder,
    write_folder,
)
from dat_keras.zoo.errors import ConflictError

STEPS = ("first rename", "second rename", "clearing up")


def fill_with(text):
    def fill(folder):
        for name in ("config.json", "model.safetensors"):
            (folder / name).write_text(text)

    return fill


def killed_at(step, target):
    """Replaces the folder in a process that is killed before a step."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    left = [STEPS.index(step)]
    rename, remove = Path.rename, shutil.rmtree

    def counted(call):
        def act(*arguments, **options):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return call(*arguments, **options)

        return act

    try:
        Path.rename = counted(rename)
        # The first call of it removes what is not there.
        shutil.rmtree = lambda path, **options: (
            os.path.exists(path) and counted(remove)(path, **options)
        )
        write_folder(target, fill_with("new"), force=True)
    finally:
        os._exit(1)


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_replacement_is_the_old_or_the_new(step, tmp_path):
    target = tmp_path / "out"
    write_folder(target, fill_with("old"))
    assert killed_at(step, target) == signal.SIGKILL
    assert is_model_folder(target)
    kept = {path.read_text() for path in target.iterdir()}
    assert kept == {"new" if step == STEPS[2] else "old"}
    with pytest.raises(ConflictError):
        check_target(target, force=False)
    write_folder(target, fill_with("newest"), force=True)
    assert {p.read_text() for p in target.iterdir()} == {"newest"}
    assert not (tmp_path / ".out.dat_keras-old").exists()


def test_a_writer_finds_what_was_put_aside(tmp_path):
    target = tmp_path / "out"
    write_folder(target, fill_with("old"))
    assert killed_at("second rename", target) == signal.SIGKILL
    assert not target.exists()
    with pytest.raises(ConflictError, match="is not empty"):
        write_folder(target, fill_with("new"))
    assert (target / "config.json").read_text() == "old"


def test_a_closed_server_leaves_no_thread():
    before = set(threading.enumerate())
    server = Hub()
    address = ("127.0.0.1", server.server.server_port)
    client = http.client.HTTPConnection(*address)
    with socket.create_connection(address):
        client.request("GET", "/api/nothing")
        client.getresponse().read()
        server.close()
    client.close()
    assert set(threading.enumerate()) <= before
