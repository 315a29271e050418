"""Errors about published models, each with its exit code."""

from __future__ import annotations

from dat_keras.utils.errors import DatKerasError


class ZooError(DatKerasError):
    """Base of the zoo's errors: what went wrong, and what to do about it.

    Args:
        what: What went wrong.
        hint: What to do.

    Example:
    >>> str(NotFoundError("a/b not found", "check the name"))
    'a/b not found: check the name'
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}: {hint}" if hint else what)
        self.what = what
        self.hint = hint


class BadReferenceError(ZooError, ValueError):
    """A name that no model can have."""


class NotFoundError(ZooError):
    """No such repository, revision, file or zoo name."""

    exit_code = 3


class AccessError(ZooError):
    """No token, a bad one, or one without the right."""

    exit_code = 4


class UnreachableError(ZooError):
    """Network or server trouble, or nothing cached while offline."""

    exit_code = 5


class RefusedContentError(ZooError):
    """Content that is damaged, foreign or hostile; nothing of it was used."""

    exit_code = 6


class ConflictError(ZooError):
    """Something is there that would be overwritten."""

    exit_code = 7
