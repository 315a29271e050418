"""How evaluations report their progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str, int, int], None]
"""Called with an evaluation's name, the images done and their total."""

Display = Callable[[], AbstractContextManager[Progress]]
"""Opens a display of progress, which is closed at the end of a `with`."""


@contextmanager
def silent() -> Iterator[Progress]:
    """Opens a display that shows nothing."""
    yield lambda name, done, total: None


def prefixed(model: str, tell: Progress) -> Progress:
    """Returns progress whose tasks begin with a model's name.

    Example:
    >>> prefixed("net", print)("pgd20", 1, 2)
    net: pgd20 1 2
    """
    return lambda name, done, total: tell(f"{model}: {name}", done, total)
