"""Opens checkpoint files as a lazily read state dict."""

from __future__ import annotations

import contextlib
import functools
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from dat_keras.interop.torch.plain_pickle import LIMIT, read_pickle
from dat_keras.interop.torch.records import TensorRecord
from dat_keras.utils.zip_errors import ZIP_ERRORS
from dat_keras.zoo.errors import NotFoundError, RefusedContentError

WRAPPERS = ("state_dict", "model_state_dict", "net", "model")
"""Keys under which training scripts keep the state dict; the first counts."""

MEMBERS = 20_000
"""Most files in a checkpoint."""


@dataclass(frozen=True)
class Stored:
    """A tensor that can be read.

    Args:
        shape: Its shape.
        read: Returns its numbers.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


StateDict: TypeAlias = Mapping[str, Stored]


@contextlib.contextmanager
def open_checkpoint(path: Path) -> Iterator[StateDict]:
    """Opens a checkpoint: `.safetensors`, or PyTorch's format since 1.6.

    Args:
        path: The file.

    Yields:
        Its tensors by name; they can be read until the file is closed.

    Raises:
        NotFoundError: If there is no such file.
        RefusedContentError: If it is no checkpoint, is damaged, or holds
            what no state dict does.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    reader = READERS.get(path.suffix.lower(), _zip)
    try:
        with reader(path) as state:
            yield state
    except (SafetensorError, *ZIP_ERRORS) as error:
        raise RefusedContentError(
            f"{path.name} is refused: {str(error)[:200]}"
        ) from None


@contextlib.contextmanager
def _safetensors(path: Path) -> Iterator[StateDict]:
    with safe_open(path, framework="numpy") as file:
        yield {
            name: Stored(
                tuple(file.get_slice(name).get_shape()),
                functools.partial(file.get_tensor, name),
            )
            for name in file.keys()
        }


@contextlib.contextmanager
def _zip(path: Path) -> Iterator[StateDict]:
    _check_format(path)
    with zipfile.ZipFile(path) as archive:
        members = _members(archive)
        pickles = [n for n in members if n.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1 or members[pickles[0]].file_size > LIMIT:
            raise RefusedContentError(
                f"{path.name} is refused: it has no data.pkl of at most "
                f"{LIMIT} bytes",
                "save its state dict alone",
            )
        root = pickles[0].split("/")[0]
        order = members.get(f"{root}/byteorder")
        if order and archive.read(order) != b"little":
            raise RefusedContentError(f"{path.name} is refused: big-endian")
        content = read_pickle(archive.read(pickles[0]))
        files = _Files(archive, members, f"{root}/data/")
        state = {n: files.stored(r) for n, r in _unwrapped(content).items()}
        wanted = sum(math.prod(tensor.shape) for tensor in state.values())
        # Views of one storage could add up to any amount of memory.
        if wanted > path.stat().st_size:
            raise RefusedContentError(
                f"{path.name} is refused: its tensors overlap"
            )
        yield state


READERS: dict[str, Callable[[Path], AbstractContextManager[StateDict]]] = {
    ".safetensors": _safetensors,
    ".pth": _zip,
    ".pt": _zip,
}
"""Readers by suffix; any other file is taken for one of PyTorch's."""


def _check_format(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK"):
        return
    if start.lstrip().startswith(b"<"):
        raise RefusedContentError(
            f"{path.name} is a web page",
            "download the checkpoint again, with its confirmation",
        )
    if start.startswith(b"\x80"):
        raise RefusedContentError(
            f"{path.name} is in the format of PyTorch before 1.6",
            "save it again where PyTorch is installed: "
            "torch.save(torch.load(path, weights_only=True), path)",
        )
    raise RefusedContentError(f"{path.name} is no PyTorch checkpoint")


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    members = {info.filename: info for info in infos}
    if len(infos) > MEMBERS or len(members) != len(infos):
        raise RefusedContentError(
            "the checkpoint is refused: it has a file twice, or more than "
            f"{MEMBERS}"
        )
    # PyTorch never compresses, so nothing can unfold into more.
    if any(
        info.compress_type != zipfile.ZIP_STORED
        or info.file_size != info.compress_size
        for info in infos
    ):
        raise RefusedContentError("the checkpoint is refused: it is compressed")
    return members


def _unwrapped(content: Any) -> dict[str, TensorRecord]:
    """The tensors of the state dict, out of what holds it."""
    for _ in range(3):
        if not isinstance(content, dict):
            break
        state = {
            name: value
            for name, value in content.items()
            if isinstance(value, TensorRecord) and isinstance(name, str)
        }
        if state:
            return state
        inner = [content[key] for key in WRAPPERS if key in content]
        content = inner[0] if inner else None
    raise RefusedContentError(
        "the checkpoint holds no state dict",
        "it must be one, or have one under " + ", ".join(WRAPPERS),
    )


@dataclass(frozen=True)
class _Files:
    """The storages of an archive."""

    archive: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]
    root: str

    def stored(self, record: TensorRecord) -> Stored:
        storage = record.storage
        member = self.members.get(self.root + storage.key)
        size = storage.count * _dtype(record).itemsize
        if member is None or member.file_size != size:
            raise RefusedContentError(
                "the checkpoint is refused: a storage is missing or cut"
            )
        return Stored(record.shape, functools.partial(self.read, record))

    def read(self, record: TensorRecord) -> np.ndarray:
        """The numbers; NumPy checks their place in the storage once more."""
        dtype = _dtype(record)
        return np.ndarray(
            record.shape,
            dtype,
            buffer=self.archive.read(self.root + record.storage.key),
            offset=record.offset * dtype.itemsize,
            strides=[step * dtype.itemsize for step in record.strides],
        )


def _dtype(record: TensorRecord) -> np.dtype:
    name = record.storage.dtype
    if name == "bfloat16":
        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name).newbyteorder("<")
