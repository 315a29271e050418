"""A folder that one process at a time works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dat_keras.utils.errors import RunFolderError

try:
    import fcntl
except ImportError:
    # Windows has no such locks: there a folder is not guarded.
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder inside a `with`.

    The system takes the lock back when the process ends, however it ends.
    Nothing is written.

    Args:
        folder: An existing folder. Its content may change meanwhile; the
            folder itself must stay.

    Raises:
        RunFolderError: If it is locked already.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder)):
    ...     print("alone")
    alone
    """
    if fcntl is None:
        yield
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(
                f"another process is at work in {folder}: wait for it, or "
                "choose another --output"
            ) from None
        yield
    finally:
        os.close(opened)
