"""Hugging Face Hub client: address, token, retries, errors."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import huggingface_hub
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError

from dat_keras.utils.version import __version__
from dat_keras.zoo.errors import AccessError
from dat_keras.zoo.hub.http_errors import WRONG_LENGTH, translate
from dat_keras.zoo.hub.reference import HubRef

T = TypeVar("T")
WAITS = (1, 2, 4)
"""Seconds before each retry, where the client itself makes none."""

TIMEOUT = 30.0
"""Seconds that the Hub may take to describe a repository."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as the Hub lists it.

    Args:
        path: Path in the repository.
        size: Bytes.
        blob_id: Its git object id.
        sha256: Of large files only.
    """

    path: str
    size: int
    blob_id: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Listing:
    """A repository at one commit.

    Args:
        repo: `namespace/name`.
        commit: The commit.
        files: Its files by path.
        private: Whether the repository is private.
    """

    repo: str
    commit: str
    files: dict[str, RemoteFile]
    private: bool = False


@dataclass(frozen=True)
class Hub:
    """Settings of the Hub client: token, cache, messages.

    Args:
        token: A token; `None` is the one of `HF_TOKEN` or `hf auth login`,
            if there is one, `False` is none.
        offline: Serve from the cache alone.
        say: Called with a line about each wait.
    """

    token: str | bool | None = None
    offline: bool = False
    say: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        """Cleans the token, so that no error of a header can quote it."""
        if isinstance(self.token, str):
            token = self.token.strip()
            if not re.fullmatch(r"[\w-]+", token, re.ASCII):
                raise AccessError(
                    "the token given is no token",
                    "it consists of letters, digits, `_` and `-`",
                )
            object.__setattr__(self, "token", token)

    @property
    def is_offline(self) -> bool:
        """Whether nothing may be asked, by choice or `HF_HUB_OFFLINE`."""
        return self.offline or constants.HF_HUB_OFFLINE

    def api(self) -> HfApi:
        """Returns the client, for the address in `HF_ENDPOINT` now."""
        return HfApi(
            endpoint=os.environ.get("HF_ENDPOINT") or None,
            token=self.token,
            library_name="dat_keras",
            library_version=__version__,
        )

    def require_token(self) -> None:
        """Refuses to go on without a token.

        Raises:
            AccessError: If there is none.
        """
        found = self.token or huggingface_hub.get_token()
        if self.token is False or not found:
            raise AccessError(
                "no token to log in with",
                "run 'hf auth login', or set HF_TOKEN",
            )

    @contextlib.contextmanager
    def asking(self, ref: HubRef) -> Iterator[HfApi]:
        """Yields the client; its errors are translated to `ZooError`."""
        try:
            yield self.api()
        except Exception as error:
            ours = translate(error, ref, self._source())
            if ours is None:
                raise
            # The client's own text may quote headers.
            raise ours from None

    def listing(self, ref: HubRef) -> Listing:
        """Returns what the repository holds, at one commit.

        Raises:
            ZooError: If it cannot be had.
        """
        with self.asking(ref) as api:
            info = self.retried(
                lambda: api.model_info(
                    ref.repo,
                    revision=ref.revision,
                    files_metadata=True,
                    timeout=TIMEOUT,
                )
            )
        files = {
            s.rfilename: RemoteFile(
                s.rfilename,
                s.size or 0,
                s.blob_id,
                s.lfs.sha256 if s.lfs else None,
            )
            for s in info.siblings or ()
        }
        return Listing(ref.repo, info.sha or "", files, bool(info.private))

    def download(self, ref: HubRef, path: str, force: bool = False) -> Path:
        """Returns the local copy of a file, from the cache if it is there.

        Args:
            ref: Repository and commit.
            path: Path in the repository.
            force: Download again.

        Raises:
            ZooError: If it cannot be had.
        """
        with self.asking(ref) as api:
            fetch = functools.partial(
                api.hf_hub_download,
                ref.repo,
                path,
                revision=ref.revision,
                local_files_only=self.is_offline,
            )
            try:
                local = self.retried(lambda: fetch(force_download=force))
            except OSError as error:
                if not WRONG_LENGTH.search(str(error)):
                    raise
                local = self.retried(lambda: fetch(force_download=True))
            return Path(local)

    def retried(self, call: Callable[[], T]) -> T:
        """Calls again while the server says that it is busy."""
        for count, wait in enumerate(WAITS, 1):
            try:
                return call()
            except HfHubHTTPError as error:
                if error.response.status_code not in (429, *range(500, 600)):
                    raise
            self.say(f"server busy, retry {count}/{len(WAITS)} in {wait} s")
            time.sleep(wait)
        return call()

    def _source(self) -> str:
        if isinstance(self.token, str):
            return "--token"
        return "HF_TOKEN" if os.environ.get("HF_TOKEN") else "the token file"
