"""Finds a name in a table, or suggests the nearest: objectives, attacks, ..."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping
from typing import TypeVar

from dat_keras.utils.kinds import described

T = TypeVar("T")


MOST_LISTED = 12
"""Names that a message lists; of more it lists the nearest ones."""
NEAREST = 5
"""How many those are."""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry of a table; an unknown name is answered with the nearest ones.

    Args:
        table: Entries by name.
        name: Name of the wanted entry.
        kind: What the entries are, for the message.

    Returns:
        The entry.

    Raises:
        ValueError: If the table has no such name, or it is no text.

    Example:
    >>> lookup({"mart": 1, "trades": 2}, "mart", "objective")
    1
    >>> lookup({"mart": 1, "trades": 2}, "mrat", "objective")
    Traceback (most recent call last):
    ...
    ValueError: Unknown objective 'mrat'. Did you mean 'mart'? Available: mart,
    trades
    """
    if not isinstance(name, str):
        example = next(iter(table), "")
        raise ValueError(
            f"The {kind} must be a name such as {example!r}. "
            f"Received: {described(name)}"
        )
    if name in table:
        return table[name]
    folded = {known.casefold(): known for known in table}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    known = f"Available: {', '.join(table)}"
    if len(table) > MOST_LISTED:
        nearest = difflib.get_close_matches(
            name.casefold(), folded, n=NEAREST, cutoff=0.0
        )
        names = ", ".join(folded[each] for each in nearest)
        known = f"Nearest of {len(table)}: {names}"
    raise ValueError(f"Unknown {kind} {name!r}.{hint} {known}")


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Returns the names that a pattern fits.

    Args:
        names: The names.
        pattern: A part of those wanted; with `*` or `?` in it, all of them.

    Example:
    >>> matching(("mart", "trades"), "ra"), matching(("mart", "trades"), "m*")
    (['trades'], ['mart'])
    """
    whole = any(character in pattern for character in "*?")
    return fnmatch.filter(names, pattern if whole else f"*{pattern}*")


def split_names(text: str) -> list[str]:
    """Splits names separated by commas; space around them is dropped.

    Args:
        text: The names.

    Example:
    >>> split_names("fgsm, pgd20")
    ['fgsm', 'pgd20']
    """
    return [name.strip() for name in text.split(",")]
