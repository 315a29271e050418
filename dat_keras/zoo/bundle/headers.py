"""Header checks for untrusted safetensors files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from dat_keras.zoo.bundle.layout import WEIGHTS
from dat_keras.zoo.bundle.plain_json import read_json
from dat_keras.zoo.bundle.shapes import Shapes
from dat_keras.zoo.errors import RefusedContentError

HEADER_LIMIT = 4 << 20
DTYPE = "F32"


def size_of(shapes: Shapes) -> int:
    """Returns the bytes of all tensors.

    Example:
    >>> size_of({"kernel": (2, 3)})
    24
    """
    return 4 * sum(map(math.prod, shapes.values()))


def check_header(path: Path, wanted: Shapes) -> None:
    """Checks that a safetensors file holds just these tensors.

    Only the header is read, and a header that claims to be large is not. That
    the parts of the file lie where they must is left to safetensors.

    Args:
        path: The file.
        wanted: The tensors.

    Raises:
        RefusedContentError: If the file is no such file or holds others.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(HEADER_LIMIT, size - 8):
            raise RefusedContentError(
                f"{WEIGHTS} is refused: its header claims {length} bytes"
            )
        header = read_json(file.read(length), WEIGHTS)
    header.pop("__metadata__", None)
    odd = sorted(header.keys() ^ wanted.keys())
    if odd:
        raise RefusedContentError(
            f"{WEIGHTS} does not fit the architecture: {len(odd)} weights "
            f"differ, first {odd[0][:80]!r}"
        )
    for name, shape in wanted.items():
        entry = header[name]
        found = entry if isinstance(entry, dict) else {}
        if found.get("dtype") != DTYPE or found.get("shape") != list(shape):
            raise RefusedContentError(
                f"{WEIGHTS} does not fit the architecture: `{name}` must be "
                f"{DTYPE} {shape}. Received: {str(entry)[:100]}"
            )
    if size != 8 + length + size_of(wanted):
        raise RefusedContentError(
            f"{WEIGHTS} has {size} bytes, expected "
            f"{8 + length + size_of(wanted)}"
        )


def check_finite(path: Path) -> None:
    """Checks that all numbers of a safetensors file are finite.

    Args:
        path: The file; one tensor of it is in memory at a time.

    Raises:
        RefusedContentError: If one is not, or the file is damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():
                if not np.isfinite(file.get_tensor(name)).all():
                    raise RefusedContentError(
                        f"{WEIGHTS} is refused: `{name}` is not finite"
                    )
    except SafetensorError as error:
        raise RefusedContentError(
            f"{WEIGHTS} is refused: {str(error)[:200]}"
        ) from None
