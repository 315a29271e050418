"""Downloads a model from the Hub: one commit, listed files, verified hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from dat_keras.utils.files import sha256_of
from dat_keras.zoo.bundle.headers import (
    HEADER_LIMIT,
    check_finite,
    check_header,
    size_of,
)
from dat_keras.zoo.bundle.layout import CARD, CONFIG, LIMITS, RESULTS, WEIGHTS
from dat_keras.zoo.bundle.plain_json import read_json
from dat_keras.zoo.bundle.shapes import Shapes, shapes_of
from dat_keras.zoo.cards.spec import FileRecord, ModelSpec, read_spec
from dat_keras.zoo.errors import RefusedContentError
from dat_keras.zoo.hub.client import Hub, Listing, RemoteFile
from dat_keras.zoo.hub.integrity import mismatch
from dat_keras.zoo.hub.reference import HubRef
from dat_keras.zoo.hub.revisions import remember, resolve_revision


@dataclass(frozen=True)
class PulledFile:
    """A file of a model.

    Args:
        path: Path in the repository.
        size: Bytes.
        sha256: Of its content; `None` if it was not fetched.
        action: `"download"` or `"cached"`.
        local: Where it lies; `None` if it was not fetched.
    """

    path: str
    size: int
    sha256: str | None
    action: str
    local: Path | None = None


@dataclass(frozen=True)
class Pulled:
    """A model of the Hub in the local cache.

    Args:
        ref: What was asked for.
        commit: The commit that it was.
        spec: The model's checked config.
        files: Its files.
    """

    ref: HubRef
    commit: str
    spec: ModelSpec
    files: tuple[PulledFile, ...]

    def local(self, path: str) -> Path | None:
        """Returns where a file lies; `None` if the model has none."""
        return {f.path: f.local for f in self.files}.get(path)


def pull(
    ref: HubRef,
    hub: Hub,
    *,
    dry_run: bool = False,
    verify_remote: bool = False,
) -> Pulled:
    """Fetches a model into the cache, and checks it.

    `config.json` comes first; the weights are fetched only if they can fit
    the architecture that it names. Nothing else is ever fetched.

    Args:
        ref: The repository and its revision.
        hub: Client of the Hub.
        dry_run: Fetch `config.json` alone, and say what else would be.
        verify_remote: Ask the Hub for its hashes even of a commit that is
            cached whole.

    Raises:
        NotFoundError: If there is no such model.
        RefusedContentError: If a file does not match its hash, or the
            weights do not fit the architecture.
        ZooError: If it cannot be had.
    """
    listing = resolve_revision(ref, hub, verify_remote)
    pinned = HubRef(ref.repo, listing.commit)
    for path, limit in LIMITS.items():
        _check_size(listing, path, limit)
    config = _fetched(pinned, listing.files[CONFIG], None, hub)
    spec, records = read_spec(read_json(_bytes(config), CONFIG))
    wanted = shapes_of(spec)
    _check_size(listing, WEIGHTS, HEADER_LIMIT + size_of(wanted))
    others = [p for p in (WEIGHTS, CARD, RESULTS) if p in listing.files]
    if dry_run:
        rest = [_planned(pinned, listing.files[path]) for path in others]
        return Pulled(ref, listing.commit, spec, (config, *rest))
    rest = _rest(pinned, listing, records, hub)
    _check_weights(rest, wanted)
    remember(ref, listing.commit)
    return Pulled(ref, listing.commit, spec, (config, *rest))


def read_small(
    ref: HubRef, hub: Hub, paths: tuple[str, ...]
) -> tuple[str, dict[str, bytes]]:
    """Small files of a model, without its weights.

    Args:
        ref: The repository and its revision.
        hub: Client of the Hub.
        paths: Keys of `LIMITS`; those that it lacks are left out, but for
            `config.json`.

    Returns:
        The commit, and the content of each file.
    """
    listing = resolve_revision(ref, hub)
    pinned = HubRef(ref.repo, listing.commit)
    contents = {}
    for path in paths:
        if path in listing.files:
            _check_size(listing, path, LIMITS[path])
            file = _fetched(pinned, listing.files[path], None, hub)
            contents[path] = _bytes(file)
    return listing.commit, contents


def _check_size(listing: Listing, path: str, limit: int) -> None:
    if path in listing.files and listing.files[path].size > limit:
        raise RefusedContentError(
            f"{path} is refused: {listing.files[path].size} bytes are more "
            f"than it can need ({limit})"
        )


def _rest(
    ref: HubRef, listing: Listing, records: Mapping[str, FileRecord], hub: Hub
) -> list[PulledFile]:
    if WEIGHTS not in records:
        raise RefusedContentError(f"{CONFIG} has no sha256 of {WEIGHTS}")
    return [
        _fetched(ref, listing.files[path], records.get(path), hub)
        for path in (WEIGHTS, CARD, RESULTS)
        if path in listing.files
    ]


def _fetched(
    ref: HubRef, remote: RemoteFile, record: FileRecord | None, hub: Hub
) -> PulledFile:
    """Fetches a file; one that is damaged is fetched once more."""
    action = _planned(ref, remote).action
    local = hub.download(ref, remote.path)
    problem = mismatch(local, remote, record)
    if problem and not hub.is_offline:
        local = hub.download(ref, remote.path, force=True)
        action, problem = "download", mismatch(local, remote, record)
    if problem:
        # The client would serve it again: take it out of the cache.
        local.resolve().unlink()
        local.unlink(missing_ok=True)
        raise RefusedContentError(problem, "download repeated, still wrong")
    return PulledFile(
        remote.path, local.stat().st_size, sha256_of(local), action, local
    )


def _planned(ref: HubRef, remote: RemoteFile) -> PulledFile:
    found = try_to_load_from_cache(ref.repo, remote.path, revision=ref.revision)
    action = "cached" if isinstance(found, str) else "download"
    return PulledFile(remote.path, remote.size, remote.sha256, action)


def _check_weights(files: list[PulledFile], wanted: Shapes) -> None:
    for file in files:
        if file.path == WEIGHTS and file.local is not None:
            check_header(file.local, wanted)
            check_finite(file.local)


def _bytes(file: PulledFile) -> bytes:
    return file.local.read_bytes() if file.local else b""
