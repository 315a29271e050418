"""Hashes of files, and the comparison with what they must be."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dat_keras.zoo.client import RemoteFile
from dat_keras.zoo.spec import FileRecord


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


def complaint_of(
    local: Path, remote: RemoteFile, record: FileRecord | None
) -> str | None:
    """What is wrong with a file, by all that is known of it.

    Args:
        local: The file.
        remote: What the Hub lists.
        record: What the model's config says.

    Returns:
        A sentence, or `None` if nothing is wrong.
    """
    found = sha256_of(local)
    for wanted in (record.sha256 if record else None, remote.sha256):
        if wanted and found != wanted:
            return (
                f"{remote.path} does not match its sha256 "
                f"(expected {wanted[:8]}…, got {found[:8]}…)"
            )
    # Large files are listed with the id of a pointer to them.
    blob = None if remote.sha256 else remote.blob_id
    if blob and git_blob_id(local.read_bytes()) != blob:
        return f"{remote.path} does not match its git object id"
    return None
