"""Strict JSON reader for untrusted files, and a canonical writer."""

from __future__ import annotations

import json
import math
from typing import Any

from dat_keras.zoo.errors import RefusedContentError


def read_json(data: bytes, what: str) -> dict[str, Any]:
    """Reads a JSON object from an untrusted source.

    Args:
        data: The bytes.
        what: Name of the file, for the message.

    Raises:
        RefusedContentError: If it is no JSON object, holds a key twice, a
            number that is not finite, or is nested too deeply.

    Example:
    >>> read_json(b'{"a": 1, "a": 2}', "config.json")
    Traceback (most recent call last):
    ...
    dat_keras.zoo.errors.RefusedContentError: config.json is refused: key 'a'
    appears twice
    """
    try:
        found = json.loads(
            data,
            object_pairs_hook=_unique,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        reason = str(error).split("\n")[0][:200]
        raise RefusedContentError(f"{what} is refused: {reason}") from None
    if not isinstance(found, dict):
        raise RefusedContentError(f"{what} is refused: not a JSON object")
    return found


def canonical_json(data: object) -> bytes:
    """Encodes plain data: the same data give the same bytes.

    Example:
    >>> canonical_json({"b": 1, "a": 2}).decode().split()
    ['{', '"a":', '2,', '"b":', '1', '}']
    """
    text = json.dumps(
        data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    return (text + "\n").encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key[:40]!r} appears twice")
        found[key] = value
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no finite number")
    return number
