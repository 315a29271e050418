"""Resolves a revision to a commit and its file list, from Hub or cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.file_download import repo_folder_name

from dat_keras.utils.files import write_whole
from dat_keras.zoo.bundle.layout import CONFIG, READ, WEIGHTS
from dat_keras.zoo.errors import (
    NotFoundError,
    RefusedContentError,
    UnreachableError,
    ZooError,
)
from dat_keras.zoo.hub.client import Hub, Listing, RemoteFile
from dat_keras.zoo.hub.reference import COMMIT, HubRef

FILES = 1000
"""Most files in a repository; a model has seven."""

NO_MODEL = "this is no dat_keras model"

RUNNABLE = frozenset(".bin .ckpt .h5 .keras .pickle .pkl .pt .pth".split())
"""Suffixes of formats that can hold code; they are never fetched."""


def resolve_revision(
    ref: HubRef, hub: Hub, verify_remote: bool = False
) -> Listing:
    """Resolves a reference to its commit and files; from the cache if possible.

    Args:
        ref: The repository and its revision.
        hub: Client of the Hub.
        verify_remote: Ask the Hub even of a commit that is cached whole.

    Raises:
        NotFoundError: If there is no such repository, or no model in it.
        RefusedContentError: If its files are not those of a model.
        ZooError: If it cannot be had.
    """
    if hub.is_offline or (ref.pinned and not verify_remote):
        try:
            return _cached(ref, replace(hub, offline=True))
        except ZooError:
            if hub.is_offline:
                raise
    listing = hub.listing(ref)
    if not COMMIT.fullmatch(listing.commit):
        raise UnreachableError(f"the Hub names no commit of {ref}")
    check_names(ref, listing.files)
    return listing


def check_names(ref: HubRef, names: Iterable[str]) -> None:
    """Refuses what no repository of a model lists.

    Args:
        ref: The repository.
        names: Paths of all its files.

    Raises:
        NotFoundError: If there are no config or no weights.
        RefusedContentError: If a path leaves the repository, there are too
            many, or the model is in formats that can hold code.

    Example:
    >>> check_names(HubRef("a/b"), ["config.json", "../x"])
    Traceback (most recent call last):
    ...
    dat_keras.zoo.errors.RefusedContentError: a/b is refused: a file is called
    '../x'
    """
    names = list(names)
    odd = [name for name in names if not _is_plain(name)]
    if odd:
        raise RefusedContentError(
            f"{ref} is refused: a file is called {odd[0][:80]!r}"
        )
    if len(names) > FILES:
        raise RefusedContentError(
            f"{ref} is refused: it has {len(names)} files, more than {FILES}"
        )
    missing = [name for name in (CONFIG, WEIGHTS) if name not in names]
    runnable = [n for n in names if PurePosixPath(n).suffix in RUNNABLE]
    if missing and runnable:
        raise RefusedContentError(
            f"{ref} is refused: it has no {missing[0]}, and "
            f"{runnable[0][:80]} could hold code",
            NO_MODEL,
        )
    if missing:
        raise NotFoundError(f"{ref} has no {missing[0]}", NO_MODEL)


def remember(ref: HubRef, commit: str) -> None:
    """Notes which commit a branch was, where the client looks offline.

    The client notes it only for files that it fetches by the branch's name,
    and all of ours are fetched by commit.

    Args:
        ref: The repository and its revision.
        commit: The commit.
    """
    if ref.pinned:
        return
    folder = repo_folder_name(repo_id=ref.repo, repo_type="model")
    note = (
        Path(constants.HF_HUB_CACHE)
        / folder
        / "refs"
        / (ref.revision or "main")
    )
    note.parent.mkdir(parents=True, exist_ok=True)
    write_whole(note, lambda file: file.write(commit.encode()))


def _is_plain(name: str) -> bool:
    inside = not {"", ".", ".."} & set(name.split("/"))
    return inside and name.isprintable() and "\\" not in name


def _cached(ref: HubRef, hub: Hub) -> Listing:
    commit = hub.download(ref, CONFIG).parent.name
    pinned = HubRef(ref.repo, commit)
    files = {}
    for path in READ:
        found = try_to_load_from_cache(ref.repo, path, revision=commit)
        if isinstance(found, str):
            files[path] = RemoteFile(path, Path(found).stat().st_size)
    if WEIGHTS not in files:
        hub.download(pinned, WEIGHTS)
    return Listing(ref.repo, commit, files)
