"""Protocols: which images are attacked, and what counts as broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dat_keras.attacks import PGD, Attack, Keep, KeepFirstBroken, KeepLast


@dataclass(frozen=True)
class Protocol:
    """The rules of an evaluation.

    Args:
        keep: Which iterate of an attack is judged.
        errors_are_broken: Whether an image that is misclassified before any
            attack counts as broken, and so needs none.
        variants: Attacks run in place of others, by name.

    Example:
    >>> wrong = np.array([True, False])
    >>> PROTOCOLS["strict"].attacked(wrong).tolist()
    [1]
    >>> PROTOCOLS["dat"].attacked(wrong).tolist()
    [0, 1]
    """

    keep: Keep
    errors_are_broken: bool
    variants: Mapping[str, str] = field(default_factory=dict)

    def attacked(self, wrong: np.ndarray) -> np.ndarray:
        """Returns the positions to attack, given the natural errors."""
        return np.flatnonzero(~self._settled(wrong))

    def broken(self, wrong: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Returns the broken samples: natural errors that count, and found.

        Args:
            wrong: Natural errors, shape `(N,)`.
            found: Samples whose adversarial image is misclassified, `(N,)`.
        """
        return self._settled(wrong) | found

    def adapt(self, attack: Attack) -> Attack:
        """Returns the attack with this protocol's rule for iterates.

        An attack that is not PGD has a rule of its own and stays as it is.
        """
        if isinstance(attack, PGD):
            return replace(attack, keep=self.keep)
        return attack

    def _settled(self, wrong: np.ndarray) -> np.ndarray:
        return wrong & self.errors_are_broken


PROTOCOLS: dict[str, Protocol] = {
    "strict": Protocol(KeepFirstBroken(), errors_are_broken=True),
    "dat": Protocol(
        KeepLast(), errors_are_broken=False, variants={"cw": "cw-dat"}
    ),
}
"""Protocols by name.

`strict` calls a sample broken if it is misclassified without an attack or at
any iterate. `dat` is that of DAT's published tables: natural errors are
attacked as well, the last iterate alone is judged, and C&W has the masking
flaw of `CarliniWagnerDAT`. For equal draws `strict` is never higher.
"""
