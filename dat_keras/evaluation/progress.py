"""How evaluations report their progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with an evaluation's name, the images done and their total."""


def prefixed(model: str, tell: Progress) -> Progress:
    """Returns progress whose tasks begin with a model's name.

    Example:
    >>> prefixed("net", print)("pgd20", 1, 2)
    net: pgd20 1 2
    """
    return lambda name, done, total: tell(f"{model}: {name}", done, total)
