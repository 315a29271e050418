"""Names of attacks that no table lists: `pgdN`, and `package.module:attack`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dat_keras.utils.registry import lookup

_PGD = re.compile(r"pgd([1-9][0-9]{0,5})")
_REFERENCE = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


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


def is_reference(name: object) -> bool:
    """Whether a name is that of an attack of the user's own.

    Args:
        name: What the user wrote.

    Example:
    >>> is_reference("package.module:attack"), is_reference("pgd20")
    (True, False)
    """
    return isinstance(name, str) and bool(_REFERENCE.fullmatch(name))


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
