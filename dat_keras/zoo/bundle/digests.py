"""Hashes of files: sha256, and the object id that git gives them."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_id(data: bytes) -> str:
    """Returns the object id that git gives a file.

    Example:
    >>> git_blob_id(b"")[:8]
    'e69de29b'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
