"""Translation of Hub client errors to `ZooError`, by class and HTTP status."""

from __future__ import annotations

import re
from collections.abc import Callable

from huggingface_hub.errors import HfHubHTTPError

from dat_keras.zoo.errors import (
    AccessError,
    BadReferenceError,
    ConflictError,
    NotFoundError,
    RefusedContentError,
    UnreachableError,
    ZooError,
)
from dat_keras.zoo.hub.reference import HubRef

WRONG_LENGTH = re.compile(
    r"Consistency check failed.* size (\d+) but has size (\d+)"
)
"""How the client says that a file is too long or too short."""

# The HTTP library behind the client has changed twice; its base class has not.
TRANSPORT = HfHubHTTPError.__mro__[1].__name__


def translate(error: Exception, ref: HubRef, token: str) -> ZooError | None:
    """The zoo's error for one of the client.

    Args:
        error: What the client raised.
        ref: What was asked for.
        token: Where the token came from, for the message.

    Returns:
        The error, or `None` for one that is a bug.
    """
    if isinstance(error, ZooError):
        return error
    for cls in type(error).__mro__:
        make = BY_CLASS.get(cls.__name__)
        if make is not None:
            return make(error, ref, token)
    length = WRONG_LENGTH.search(str(error))
    if length:
        wanted, found = length.groups()
        return UnreachableError(
            f"a file of {ref} arrived twice with the wrong length (expected "
            f"{wanted} bytes, got {found})",
            "try again",
        )
    return None


def _status(error: HfHubHTTPError, ref: HubRef, token: str) -> ZooError:
    status = error.response.status_code
    if status == 401:
        return AccessError(
            f"the token from {token} was rejected",
            "unset it for public models, or run 'hf auth login --force'",
        )
    if status == 403:
        return AccessError(
            f"the token from {token} may not do this with {ref.repo}",
            "use a member's token with the right to write",
        )
    if status == 412:
        return ConflictError(f"{ref.repo} changed meanwhile", "try again")
    if status in (408, 429) or status >= 500:
        return UnreachableError(
            f"the Hub answers with status {status}", "try again later"
        )
    return RefusedContentError(f"the Hub refuses this (status {status})")


def _gated(error: Exception, ref: HubRef, token: str) -> ZooError:
    return AccessError(
        f"{ref.repo} is gated", "accept the terms on its page, then retry"
    )


def _no_repo(error: Exception, ref: HubRef, token: str) -> ZooError:
    return NotFoundError(
        f"{ref.repo} not found (or private)",
        "check the name, or log in with 'hf auth login'",
    )


def _no_revision(error: Exception, ref: HubRef, token: str) -> ZooError:
    return NotFoundError(f"{ref.repo} has no revision {ref.revision!r}")


def _no_file(error: Exception, ref: HubRef, token: str) -> ZooError:
    return NotFoundError(f"{ref} lacks a file that a model has")


def _nothing_cached(error: Exception, ref: HubRef, token: str) -> ZooError:
    return UnreachableError(
        f"cannot reach the Hub, or offline: not all of {ref} is cached",
        "try again with a connection",
    )


def _transport(error: Exception, ref: HubRef, token: str) -> ZooError:
    late = "Timeout" in type(error).__name__
    what = "timed out" if late else "no connection"
    return UnreachableError(
        f"cannot reach the Hub for {ref} ({what})",
        "try again, use --offline with a cached model, or, if a folder is "
        "meant, check its path",
    )


def _bad_id(error: Exception, ref: HubRef, token: str) -> ZooError:
    return BadReferenceError(f"{ref.repo!r} is no name of a repository")


def _bad_card(error: Exception, ref: HubRef, token: str) -> ZooError:
    return RefusedContentError(
        f"the Hub refuses the content: {' '.join(str(error).split())[:200]}"
    )


def _wrapped(error: Exception, ref: HubRef, token: str) -> ZooError | None:
    """What went wrong while a file was sent: the client wraps it."""
    cause = error.__cause__
    if not isinstance(cause, Exception):
        return None
    return translate(cause, ref, token)


BY_CLASS: dict[str, Callable[..., ZooError | None]] = {
    "GatedRepoError": _gated,
    "RepositoryNotFoundError": _no_repo,
    "RevisionNotFoundError": _no_revision,
    "RemoteEntryNotFoundError": _no_file,
    "LocalEntryNotFoundError": _nothing_cached,
    "OfflineModeIsEnabled": _nothing_cached,
    "HfHubHTTPError": _status,
    "HFValidationError": _bad_id,
    "ValueError": _bad_card,
    "ConnectionError": _transport,
    "RuntimeError": _wrapped,
    TRANSPORT: _transport,
}
"""Makers of errors by name of the client's class, the nearest class first."""
