"""Intermediate state of an evaluation on disk, to resume it."""

from __future__ import annotations

import abc
import hashlib
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dat_keras.evaluation.function_identity import same_function
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_json, write_whole
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.zip_errors import ZIP_ERRORS

Arrays = dict[str, np.ndarray]
IDENTITY = "evaluation.json"
SECONDS = 30.0
"""Time from one save to the next within a stage: each writes all images."""


class ResumeState(abc.ABC):
    """Stores arrays by name."""

    @abc.abstractmethod
    def load(self, name: str) -> Arrays | None:
        """Returns what was last stored under a name; `None` if nothing."""

    @abc.abstractmethod
    def save(self, name: str, arrays: Arrays) -> None:
        """Stores arrays under a name, in place of any before."""

    @abc.abstractmethod
    def due(self) -> bool:
        """Returns whether it is time to save what is not yet finished."""


class NoResumeState(ResumeState):
    """Stores nothing."""

    def load(self, name: str) -> None:
        """Returns nothing."""

    def save(self, name: str, arrays: Arrays) -> None:
        """Does nothing."""

    def due(self) -> bool:
        """Returns `False`."""
        return False


class Interval:
    """Tells when some seconds are over.

    Args:
        seconds: The seconds.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Starts now."""
        self._seconds, self._clock = seconds, clock
        self.restart()

    def restart(self) -> None:
        """Starts again."""
        self._began = self._clock()

    def over(self) -> bool:
        """Returns whether the seconds are over."""
        return self._clock() - self._began >= self._seconds


@dataclass(frozen=True)
class ResumeFolder(ResumeState):
    """Stores arrays in a folder, one file a name, written atomically.

    Args:
        folder: The folder; `open_resume_state` creates it.
        interval: From one `save` to the time when the next is due.
    """

    folder: Path
    interval: Interval = field(
        default_factory=lambda: Interval(SECONDS), compare=False, repr=False
    )

    def load(self, name: str) -> Arrays | None:
        """Returns what was last stored under a name; `None` if nothing.

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
        except (OSError, ValueError, *ZIP_ERRORS) as error:
            raise DamagedFileError(
                f"cannot read {path} ({error}); delete it to do this part of "
                "the evaluation again"
            ) from None

    def save(self, name: str, arrays: Arrays) -> None:
        """Writes arrays to a temporary file, then replaces the old one."""
        named: dict[str, Any] = dict(arrays)
        write_whole(self._path(name), lambda file: np.savez(file, **named))
        # From the end, so that a slow disk is not written all the time.
        self.interval.restart()

    def due(self) -> bool:
        """Returns whether the last `save` is an interval ago."""
        return self.interval.over()

    def _path(self, name: str) -> Path:
        # The hash tells "my run" from "my_run", and "a" from "A" on a disk
        # that ignores case.
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        safe = re.sub(r"[^\w.-]+", "_", name)[:100]
        return self.folder / f"{safe}-{digest}.npz"


def label_of(*names: str) -> str:
    """Returns the name of a state, another one for other names.

    Args:
        *names: Names of an ensemble and its part, or of an attack.

    Example:
    >>> label_of("autoattack", "apgd-ce"), label_of("a", "b.c")
    ('autoattack.apgd-ce', 'a.b%2Ec')
    """
    return ".".join(
        name.replace("%", "%25").replace(".", "%2E") for name in names
    )


def open_resume_state(
    folder: Path, identity: Mapping[str, object]
) -> ResumeState:
    """Opens the state in a folder, or creates it.

    Args:
        folder: The folder; created if missing.
        identity: All settings that the results depend on, as plain data.

    Raises:
        ValueError: If the state there is of another evaluation.
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
        write_json(path, wanted)
    return ResumeFolder(path.parent)


def _compare(path: Path, wanted: dict) -> None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFileError(
            f"cannot read {path} ({error}); give another folder"
        ) from None
    if not isinstance(found, dict):
        raise DamagedFileError(f"{path} is not an evaluation's; give another")
    differences = list(_differences(found, wanted))
    if differences:
        raise ValueError(
            "`resume` must be the folder of the same evaluation. "
            f"Received: {path.parent}, where {'; '.join(differences)}"
        )


def _differences(there: dict, now: dict) -> Iterator[str]:
    """Each setting that differs, with both values; hashes have none."""
    before, after = ((d.get("data"), d.get("n_examples")) for d in (there, now))
    implied = set() if before == after else {"data_fingerprint", "whole"}
    if any(there.get(k) != now.get(k) for k in ("norm", "eps", "protocol")):
        implied.add("attacks")
    if there.get("model") != now.get("model"):
        implied.add("function")
    for key in dict.fromkeys((*now, *there)):
        old, new = there.get(key), now.get(key)
        if old == new or key in implied:
            continue
        if key == "function":
            if not same_function(old or "", new or ""):
                yield "the layers differ"
        elif key in HASHES:
            yield f"the {HASHES[key]} differ"
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _differences_of(key, old, new)
        else:
            yield f"{key} was {_shown(key, old)}, now {_shown(key, new)}"


def _differences_of(key: str, old: dict, new: dict) -> Iterator[str]:
    if old.keys() != new.keys():
        yield f"{key} were {', '.join(old)}, now {', '.join(new)}"
        return
    for name in old:
        if old[name] != new[name]:
            yield f"{name} was {old[name]}, now {new[name]}"


def _shown(key: str, value: object) -> str:
    if key == "eps" and isinstance(value, float):
        return pixel_fraction(value)
    return "default" if value is None else str(value)


HASHES = {"model": "weights", "data_fingerprint": "images"}
"""Fields of an identity that are hashes, and of what."""
