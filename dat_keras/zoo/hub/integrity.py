"""Integrity of downloaded files: sha256 and git object id."""

from __future__ import annotations

from pathlib import Path

from dat_keras.utils.files import sha256_of
from dat_keras.zoo.bundle.digests import git_blob_id
from dat_keras.zoo.cards.spec import FileRecord
from dat_keras.zoo.hub.client import RemoteFile


def mismatch(
    local: Path, remote: RemoteFile, record: FileRecord | None
) -> str | None:
    """How a downloaded file differs from its stated hashes.

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
