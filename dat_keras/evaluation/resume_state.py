"""What an evaluation has found so far, on disk, so that it can go on."""

from __future__ import annotations

import abc
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_whole

Arrays = dict[str, np.ndarray]
IDENTITY = "evaluation.json"


class ResumeState(abc.ABC):
    """Keeps arrays by name."""

    @abc.abstractmethod
    def load(self, name: str) -> Arrays | None:
        """Returns what was last kept under a name, if anything was."""

    @abc.abstractmethod
    def save(self, name: str, arrays: Arrays) -> None:
        """Keeps arrays under a name, in place of what was there."""


class NoResumeState(ResumeState):
    """Keeps nothing."""

    def load(self, name: str) -> None:
        """Returns nothing."""

    def save(self, name: str, arrays: Arrays) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class ResumeFolder(ResumeState):
    """Keeps arrays in a folder, one file a name, each whole or not there.

    Args:
        folder: The folder; `open_resume_state` makes it.
    """

    folder: Path

    def load(self, name: str) -> Arrays | None:
        """Returns what was last kept under a name, if anything was.

        Raises:
            DamagedFileError: If the file cannot be read.
        """
        path = self._path(name)
        if not path.exists():
            return None
        try:
            # NumPy does not close a file that it cannot read.
            content = io.BytesIO(path.read_bytes())
            with np.load(content, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, *_ZIP_ERRORS) as error:
            raise DamagedFileError(
                f"cannot read {path} ({error}); delete it to do this part of "
                "the evaluation again"
            ) from None

    def save(self, name: str, arrays: Arrays) -> None:
        """Writes arrays beside the old file, and renames."""
        named: dict[str, Any] = dict(arrays)
        write_whole(self._path(name), lambda file: np.savez(file, **named))

    def _path(self, name: str) -> Path:
        return self.folder / (re.sub(r"[^\w.-]+", "_", name) + ".npz")


_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error)


def open_resume_state(
    folder: Path, identity: Mapping[str, object]
) -> ResumeState:
    """Begins a journal in a folder, or goes on with the one that is there.

    Args:
        folder: The folder; made if missing.
        identity: All that the results depend on, as plain data.

    Raises:
        ValueError: If the journal there is of another evaluation.
        DamagedFileError: If it cannot be read.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     state = open_resume_state(Path(folder), {"seed": 0})
    ...     state.save("a", {"x": np.ones(2)})
    ...     open_resume_state(Path(folder), {"seed": 0}).load("a")["x"]
    array([1., 1.])
    """
    path = Path(folder) / IDENTITY
    # As it will be read: tuples become lists.
    wanted = json.loads(json.dumps(dict(identity)))
    if path.exists():
        _compare(path, wanted)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(wanted, indent=2) + "\n"
        write_whole(path, lambda file: file.write(text.encode()))
    return ResumeFolder(path.parent)


def _compare(path: Path, wanted: dict) -> None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DamagedFileError(
            f"cannot read {path} ({error}); give another folder"
        ) from None
    if not isinstance(found, dict):
        raise DamagedFileError(f"{path} is not an evaluation's; give another")
    keys = [*wanted, *(key for key in found if key not in wanted)]
    differ = [key for key in keys if found.get(key) != wanted.get(key)]
    if differ:
        key = differ[0]
        raise ValueError(
            f"`resume` must be the folder of the same evaluation; {path} has "
            f"another {' and '.join(differ)}. Expected {key}="
            f"{found.get(key)!r}. Received: {key}={wanted.get(key)!r}"
        )
