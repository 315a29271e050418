"""Weights of a stranger: the file's header is checked before it is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np
from safetensors import SafetensorError, safe_open

from dat_keras.architectures import ARCHITECTURES
from dat_keras.weights import load_weights
from dat_keras.zoo.errors import RefusedContentError
from dat_keras.zoo.layout import WEIGHTS
from dat_keras.zoo.plain_json import read_json
from dat_keras.zoo.spec import ModelSpec

HEADER_LIMIT = 4 << 20
DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
BYTES = {"F32": 4, "F16": 2, "BF16": 2}

Tensors: TypeAlias = Mapping[str, tuple[str, tuple[int, ...]]]
"""Type and shape of each weight, by name."""


def build(spec: ModelSpec) -> keras.Model:
    """The untrained model of a spec, from this library's architectures.

    Args:
        spec: What the model says of itself.

    Raises:
        RefusedContentError: If there is no such architecture.
    """
    make = ARCHITECTURES.get(spec.architecture)
    if make is None:
        raise RefusedContentError(
            f"unknown architecture {spec.architecture!r}",
            "update dat_keras; this version knows " + ", ".join(ARCHITECTURES),
        )
    try:
        return make(
            len(spec.class_names), input_shape=spec.input_shape, **spec.kwargs
        )
    except (TypeError, ValueError) as error:
        raise RefusedContentError(
            f"config.json is refused: {str(error)[:200]}"
        ) from None


def expected_tensors(spec: ModelSpec) -> Tensors:
    """The weights that a spec's model has, without memory for any of them.

    Args:
        spec: What the model says of itself.

    Raises:
        RefusedContentError: If there is no such model.
    """
    # Keras remembers variables without values for each thread and makes the
    # values at the end of the next scope: this thread ends before that.
    with ThreadPoolExecutor(1) as thread:
        weights = thread.submit(_without_values, spec).result()
    return {
        v.path: (DTYPES[v.dtype], tuple(int(n) for n in v.shape))
        for v in weights
    }


def _without_values(spec: ModelSpec) -> list[keras.Variable]:
    with keras.StatelessScope(initialize_variables=False):
        return build(spec).weights


def size_of(tensors: Tensors) -> int:
    """Returns the bytes of all tensors.

    Example:
    >>> size_of({"kernel": ("F32", (2, 3))})
    24
    """
    return sum(BYTES[t] * math.prod(shape) for t, shape in tensors.values())


def check_header(path: Path, wanted: Tensors) -> None:
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
    for name, (dtype, shape) in wanted.items():
        entry = header[name]
        found = entry if isinstance(entry, dict) else {}
        if found.get("dtype") != dtype or found.get("shape") != list(shape):
            raise RefusedContentError(
                f"{WEIGHTS} does not fit the architecture: `{name}` must be "
                f"{dtype} {shape}. Received: {str(entry)[:100]}"
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


def load_model_file(spec: ModelSpec, path: Path) -> keras.Model:
    """The model of a spec with the weights of a file, all checked.

    Args:
        spec: What the model says of itself.
        path: The safetensors file.

    Raises:
        DatKerasError: If the weights do not fit or are not finite.
    """
    check_header(path, expected_tensors(spec))
    model = build(spec)
    load_weights(model, path)
    return model
