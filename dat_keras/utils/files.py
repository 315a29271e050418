"""Atomic writes of files and of JSON, SHA-256 of a file, emptied folders."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

LOCK = ".lock"
"""Name of the file in a folder by which `locks.locked` guards it."""
_TEMPORARY = re.compile(r"\..+\.\d+-\d+")


def temporary_path(path: Path) -> Path:
    """Returns the path next to another under which it is written first.

    Args:
        path: The file or folder that is to appear whole.

    Example:
    >>> temporary_path(Path("runs/a")).name.startswith(".a.")
    True
    """
    unique = f"{os.getpid()}-{threading.get_ident()}"
    return path.with_name(f".{path.name}.{unique}")


def write_whole(path: Path, write: Callable) -> None:
    """Writes a file under a temporary name next to it, then renames it.

    Whoever reads `path` sees the old content or the new, never a part; a
    full disk leaves the old.

    Args:
        path: The file.
        write: Writes to the open binary file that it is given.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a"
    ...     write_whole(path, lambda file: file.write(b"x"))
    ...     path.read_bytes()
    b'x'
    """
    temporary = temporary_path(path)
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: object) -> None:
    """Writes data as indented JSON, whole or not at all.

    Args:
        path: The file.
        data: What `json.dumps` takes.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder) / "a.json", {"seed": 0})
    ...     print((Path(folder) / "a.json").read_text(), end="")
    {
      "seed": 0
    }
    """
    text = json.dumps(data, indent=2) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clear(folder: Path) -> None:
    """Removes what a folder holds; the folder and its lock file stay.

    Args:
        folder: The folder.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "a").mkdir()
    ...     clear(Path(folder))
    ...     list(Path(folder).iterdir())
    []
    """
    for child in contents(folder):
        _remove(child)
    clear_temporaries(folder)


def clear_temporaries(folder: Path) -> None:
    """Removes what writers that were killed left unfinished in a folder.

    Args:
        folder: The folder; need not exist. Nobody else may write in it.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     temporary_path(Path(folder) / "a").touch()
    ...     clear_temporaries(Path(folder))
    ...     list(Path(folder).iterdir())
    []
    """
    for child in folder.iterdir() if folder.is_dir() else ():
        if _TEMPORARY.fullmatch(child.name):
            _remove(child)


def check_writable(folder: Path) -> None:
    """Writes and removes a file.

    Args:
        folder: An existing folder.

    Raises:
        OSError: If nothing can be written there.
    """
    probe = temporary_path(folder / "probe")
    probe.touch()
    probe.unlink()


def check_space(folder: Path, size: int) -> None:
    """Reserves space in a folder and gives it back.

    For writers that report a full disk badly, as HDF5 does: hundreds of
    lines, and no `OSError`.

    Args:
        folder: An existing folder.
        size: Bytes to be written.

    Raises:
        OSError: If they do not fit.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    probe = temporary_path(folder / "space")
    try:
        with probe.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
    except OSError as error:
        # Of some file systems nothing can be reserved.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise OSError(error.errno, error.strerror, str(folder)) from None
    finally:
        probe.unlink(missing_ok=True)


def contents(folder: Path) -> list[Path]:
    """Returns what a folder holds, without its lock and unfinished files."""
    return [
        child
        for child in folder.iterdir()
        if child.name != LOCK and not _TEMPORARY.fullmatch(child.name)
    ]


def _remove(path: Path) -> None:
    inside = path.is_dir() and not path.is_symlink()
    shutil.rmtree(path) if inside else path.unlink()
