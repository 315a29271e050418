"""Files that are written whole or not at all, and folders made empty."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable) -> None:
    """Writes a file beside its place and renames it there.

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
    beside = path.with_name(f".{path.name}.{unique}")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Removes what a folder holds; the folder itself, and a lock on it, stay.

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
    for child in folder.iterdir():
        inside = child.is_dir() and not child.is_symlink()
        shutil.rmtree(child) if inside else child.unlink()
