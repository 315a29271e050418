"""A lock by which one process at a time works in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dat_keras.utils.errors import RunFolderError
from dat_keras.utils.files import LOCK


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder inside a `with`.

    The lock is one of the operating system on the file `.lock` in the folder;
    it is released when the process ends, however it ends. The file may stay.

    Args:
        folder: An existing folder. Its other content may change meanwhile.

    Raises:
        RunFolderError: If it is locked already.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder)):
    ...     print("alone")
    alone
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunFolderError(
            f"another process is at work in {folder}: wait for it, or "
            "choose another --output"
        ) from None
    try:
        yield
    finally:
        lock.release()
