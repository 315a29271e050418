"""Look-ups in the tables of names: objectives, attacks, architectures, ..."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry of a table; an unknown name is answered with the nearest one.

    Args:
        table: Entries by name.
        name: Name of the wanted entry.
        kind: What the entries are, for the message.

    Returns:
        The entry.

    Raises:
        ValueError: If the table has no such name.

    Example:
    >>> lookup({"mart": 1, "trades": 2}, "mart", "objective")
    1
    >>> lookup({"mart": 1, "trades": 2}, "mrat", "objective")
    Traceback (most recent call last):
    ...
    ValueError: Unknown objective 'mrat'. Did you mean 'mart'? Available: mart,
    trades
    """
    if name in table:
        return table[name]
    folded = {known.casefold(): known for known in table}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    raise ValueError(
        f"Unknown {kind} {name!r}.{hint} Available: {', '.join(table)}"
    )
