"""Push plan: local files compared with a repository, read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dat_keras.utils.files import sha256_of
from dat_keras.zoo.bundle.digests import git_blob_id
from dat_keras.zoo.bundle.layout import CARD, LAYOUT
from dat_keras.zoo.cards.merge import merge_card
from dat_keras.zoo.errors import ConflictError, NotFoundError
from dat_keras.zoo.hub.client import Hub, Listing, RemoteFile
from dat_keras.zoo.hub.reference import HubRef

ATTRIBUTES = ".gitattributes"
"""The Hub's own file in every repository."""


@dataclass(frozen=True)
class PushOptions:
    """Options of a push.

    Args:
        private: `True`, `False`, or `None` to leave it as it is.
        force: Replace what is there.
        overwrite_card: Replace a card that somebody edited, too.
        create_pr: Open a pull request instead of writing to the branch.
        message: The commit's title.
    """

    private: bool | None = None
    force: bool = False
    overwrite_card: bool = False
    create_pr: bool = False
    message: str = "Upload model with dat_keras"


@dataclass(frozen=True)
class Change:
    """What becomes of a file.

    Args:
        path: Path in the repository.
        action: `"add"`, `"replace"`, `"unchanged"` or `"delete"`.
        size: Bytes; those there now of a file to delete.
        sha256: Of the new content; `None` for a file to delete.
    """

    path: str
    action: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Plan:
    """A push that has been planned and not executed.

    Args:
        target: Repository and branch.
        folder: The files.
        changes: What becomes of each.
        there: What the branch holds now; `None` without a repository.
        new_branch: Whether the branch must be made.
        private: Whether the repository is private, or will be.
    """

    target: HubRef
    folder: Path
    changes: tuple[Change, ...]
    there: Listing | None
    new_branch: bool = False
    private: bool = False

    @property
    def effective(self) -> tuple[Change, ...]:
        """The changes that change something."""
        return tuple(c for c in self.changes if c.action != "unchanged")


def plan(folder: Path, target: HubRef, hub: Hub, options: PushOptions) -> Plan:
    """Compares the files with what is there; the Hub is only read.

    A card that somebody edited is merged into the folder's one.

    Args:
        folder: The files, under their names of the layout.
        target: Repository and branch.
        hub: Client of the Hub.
        options: Options of the push.

    Raises:
        ConflictError: If the push would replace files, and `force` is not
            set, or its visibility differs from `private`.
        ZooError: If the Hub cannot be asked.
    """
    there, new_branch = _there(target, hub)
    if there is None:
        changes = changes_of(folder, {})
        private = bool(options.private)
        return Plan(target, folder, changes, None, private=private)
    if options.private not in (None, there.private):
        now = "private" if there.private else "public"
        raise ConflictError(
            f"{target.repo} is {now} already",
            "leave out --private and --public, or change it on its page",
        )
    if CARD in there.files and not options.overwrite_card:
        _merge_card(folder, HubRef(target.repo, there.commit), hub)
    changes = changes_of(folder, there.files)
    free = options.force or options.create_pr or new_branch
    if not free and any(c.action != "unchanged" for c in changes):
        _refuse_conflicts(target, changes, there.files)
    return Plan(target, folder, changes, there, new_branch, there.private)


def _there(target: HubRef, hub: Hub) -> tuple[Listing | None, bool]:
    """What the branch holds, and whether it has yet to be made."""
    try:
        return hub.listing(target), False
    except NotFoundError:
        if target.revision is None:
            return None, False
    try:
        return hub.listing(replace(target, revision=None)), True
    except NotFoundError:
        return None, False


def changes_of(
    folder: Path, there: Mapping[str, RemoteFile]
) -> tuple[Change, ...]:
    """What would become of each file.

    Args:
        folder: The files to send.
        there: The files of the repository, by path.
    """
    ours = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    stale = [p for p in LAYOUT if p in there and p not in ours]
    return (
        *(_change(name, path, there) for name, path in ours.items()),
        *(Change(path, "delete", there[path].size) for path in stale),
    )


def _change(name: str, path: Path, there: Mapping[str, RemoteFile]) -> Change:
    digest, size = sha256_of(path), path.stat().st_size
    if name not in there:
        return Change(name, "add", size, digest)
    now = there[name]
    same = (
        now.sha256 == digest
        if now.sha256
        else now.blob_id == git_blob_id(path.read_bytes())
    )
    return Change(name, "unchanged" if same else "replace", size, digest)


def _merge_card(folder: Path, there: HubRef, hub: Hub) -> None:
    theirs = hub.download(there, CARD).read_text(errors="replace")
    card = folder / CARD
    card.write_text(merge_card(theirs, card.read_text()))


def _refuse_conflicts(
    target: HubRef,
    changes: tuple[Change, ...],
    there: Mapping[str, RemoteFile],
) -> None:
    # A card alone is no conflict: it is merged.
    same = {c.path for c in changes if c.action == "unchanged"}
    others = sorted(there.keys() - same - {ATTRIBUTES, CARD})
    if others:
        shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise ConflictError(
            f"{target.repo} already holds other files ({shown})",
            "use --force or --revision BRANCH",
        )
