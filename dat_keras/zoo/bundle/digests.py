"""The object id that git gives a file."""

from __future__ import annotations

import hashlib


def git_blob_id(data: bytes) -> str:
    """Returns the object id that git gives a file.

    Example:
    >>> git_blob_id(b"")[:8]
    'e69de29b'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
