"""Settings of a recipe as an indented tree, for `dat-keras train --show`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from dat_keras.utils.settings import Setting

WIDTH = 80


def settings_tree(settings: Iterable[Setting]) -> Iterator[str]:
    """Yields the lines of a tree of settings: key, value, kind and meaning.

    A key with `=` is one that `--set` takes; one with `:` is not.

    Args:
        settings: What `settings_of` yields.

    Example:
    >>> rate = Setting("sgd.rate", "0.1", "number", "The learning rate.", True)
    >>> print("\\n".join(settings_tree([rate])))
      sgd.rate = 0.1  (number)
          The learning rate.
    """
    for each in settings:
        depth = "  " * each.path.count(".")
        if each.settable:
            key = f"{each.path} = {each.value}  ({each.kind})"
        else:
            key = f"{each.path}: {each.value}"
        yield from _wrapped(key, depth, depth + " " * 8)
        yield from _wrapped(each.meaning, depth + " " * 4, depth + " " * 4)


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
