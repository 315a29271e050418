"""Atomic writes of files and of JSON, SHA-256 of a file, emptied folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

LOCK = ".lock"
"""Name of the file in a folder by which `locks.locked` guards it."""


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
    unique = f"{os.getpid()}-{threading.get_ident()}"
    temporary = path.with_name(f".{path.name}.{unique}")
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
        inside = child.is_dir() and not child.is_symlink()
        shutil.rmtree(child) if inside else child.unlink()


def contents(folder: Path) -> list[Path]:
    """Returns what a folder holds, without its lock file."""
    return [child for child in folder.iterdir() if child.name != LOCK]
