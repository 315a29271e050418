"""Locks of folders, atomic JSON and what emptying a folder leaves."""

import hashlib
import json
import multiprocessing
import os
import signal

import pytest

from dat_keras.utils.errors import RunFolderError
from dat_keras.utils.files import LOCK, clear, contents, sha256_of, write_json
from dat_keras.utils.locks import locked
from dat_keras.utils.run_folder import RunFolder


def hold(folder, ready):
    with locked(folder):
        ready.send("held")
        ready.recv()


def test_a_lock_is_released_when_its_process_is_killed(tmp_path):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=hold, args=(tmp_path, there))
    child.start()
    try:
        assert here.recv() == "held"
        with (
            pytest.raises(RunFolderError, match="another process is at work"),
            locked(tmp_path),
        ):
            pass
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    with locked(tmp_path):
        assert contents(tmp_path) == []


def test_a_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path), pytest.raises(RunFolderError), locked(tmp_path):
        pass


def test_the_lock_file_is_no_content(tmp_path):
    (tmp_path / LOCK).touch()
    (tmp_path / "a").mkdir()
    clear(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [LOCK]
    with RunFolder(tmp_path).claimed():
        pass


def test_json_is_whole_and_ends_with_a_line_break(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1, None]})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": [1, None]}
    assert path.read_text().endswith("}\n")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
