"""Names of attacks with a number in them: `pgdN` is PGD with N steps."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dat_keras.utils.registry import lookup

_PGD = re.compile(r"pgd([1-9][0-9]{0,5})")


def pgd_steps(name: object) -> int | None:
    """Returns the number of steps that a name such as `pgd20` asks for.

    Args:
        name: What the user wrote.

    Returns:
        The number; `None` for all other names.

    Example:
    >>> pgd_steps("pgd7"), pgd_steps("pgd0"), pgd_steps("fgsm")
    (7, None, None)
    """
    found = _PGD.fullmatch(name) if isinstance(name, str) else None
    return int(found[1]) if found else None


def check_attack(name: str, known: Iterable[str]) -> None:
    """Refuses a name that is neither known nor `pgdN`.

    Args:
        name: What the user wrote.
        known: Names of attacks.

    Raises:
        ValueError: With the nearest names.

    Example:
    >>> check_attack("pgd7", ("fgsm", "pgd20"))
    """
    if pgd_steps(name) is None:
        lookup(dict.fromkeys(known), name, "attack")
