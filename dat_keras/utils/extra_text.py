"""Extra training images in words, for tables, cards and `dat-keras info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def described_extra(extra: Mapping[str, Any] | None) -> str:
    """Returns what the extra images of a recipe are, empty for none.

    Args:
        extra: The recipe's `extra`, as plain data.

    Example:
    >>> described_extra({"source": "a.npz", "fraction": 0.7, "labels": "net"})
    '70 % of each batch from a.npz, labelled by net'
    >>> described_extra({"source": None, "fraction": 0.7, "labels": None})
    ''
    """
    if not extra or extra["source"] is None:
        return ""
    by = f", labelled by {extra['labels']}" if extra["labels"] else ""
    share = f"{100 * extra['fraction']:.4g} %"
    return f"{share} of each batch from {extra['source']}{by}"
