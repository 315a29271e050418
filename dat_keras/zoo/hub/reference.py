"""References to models: `name`, `ns/name[@rev]`, `hf://ns/name[@rev]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dat_keras.zoo.errors import BadReferenceError

COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = r"\w(?:[\w.-]*\w)?"
_REPO = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_NAME = re.compile(_PART, re.ASCII)
_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)


@dataclass(frozen=True)
class HubRef:
    """A repository on the Hub, at a revision.

    Args:
        repo: `namespace/name`.
        revision: Branch, tag or commit; `None` is the default branch.

    Example:
    >>> str(HubRef("a/b", "v1"))
    'a/b@v1'
    """

    repo: str
    revision: str | None = None

    def __post_init__(self) -> None:
        """Refuses what the Hub would refuse, and what is no plain name."""
        for pattern, text, what in (
            (_REPO, self.repo, "a repository is `namespace/name`"),
            (_REVISION, self.revision or "main", "a revision is a plain name"),
        ):
            odd = ".." in text or "--" in text or len(text) > 96
            if odd or not pattern.fullmatch(text):
                raise BadReferenceError(f"{what}. Received: {text[:100]!r}")

    def __str__(self) -> str:
        """Returns the reference as a user writes it."""
        return self.repo + (f"@{self.revision}" if self.revision else "")

    @property
    def pinned(self) -> bool:
        """Whether the revision is a full commit id."""
        return bool(COMMIT.fullmatch(self.revision or ""))


def parse(text: str, revision: str | None = None) -> HubRef | str:
    """The repository, or the zoo name, that a user wrote.

    Args:
        text: `name`, `ns/name`, `ns/name@rev` or `hf://ns/name[@rev]`.
        revision: A revision given apart.

    Returns:
        A `HubRef`, or the name of a zoo model.

    Raises:
        BadReferenceError: If it is none of these.

    Example:
    >>> parse("hf://a/b@v1")
    HubRef(repo='a/b', revision='v1')
    >>> parse("dat-cifar10")
    'dat-cifar10'
    """
    name, at, behind = text.removeprefix("hf://").partition("@")
    if at and revision and revision != behind:
        raise BadReferenceError(
            f"two revisions for {name}: {behind!r} and {revision!r}"
        )
    if "/" in name or text.startswith("hf://"):
        return HubRef(name, behind if at else revision)
    if at or revision or not _NAME.fullmatch(name):
        raise BadReferenceError(
            "Expected a zoo name without revision, or `namespace/name[@rev]`. "
            f"Received: {text[:100]!r}"
        )
    return name
