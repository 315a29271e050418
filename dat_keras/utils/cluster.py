"""The processes of a multi-worker run, as `TF_CONFIG` names them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
"""A `TF_CONFIG` of the first of two workers."""
ROLES = ("chief", "worker")


@dataclass(frozen=True)
class Cluster:
    """The processes that train together.

    Args:
        addresses: `host:port` of each, the chief first.
        index: Which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0

    @property
    def others(self) -> tuple[str, ...]:
        """Addresses of the other processes."""
        return self.addresses[: self.index] + self.addresses[self.index + 1 :]

    @classmethod
    def of_environment(
        cls, environment: Mapping[str, str] = os.environ
    ) -> Cluster:
        """Reads `TF_CONFIG`.

        Args:
            environment: The variables of the process.

        Raises:
            ValueError: If it is missing or names no such process.

        Example:
        >>> Cluster.of_environment({"TF_CONFIG": EXAMPLE}).others
        ('10.0.0.2:2222',)
        """
        text = environment.get("TF_CONFIG", "")
        try:
            config = json.loads(text)
            roles = {
                role: config["cluster"][role] for role in config["cluster"]
            }
            role, index = config["task"]["type"], int(config["task"]["index"])
            if role not in ROLES or roles.keys() - set(ROLES) or index < 0:
                raise ValueError(role)
            addresses = [a for name in ROLES for a in roles.get(name, ())]
            mine = addresses.index(roles[role][index])
            if len(set(addresses)) < len(addresses):
                raise ValueError(addresses)
        except (ValueError, KeyError, TypeError, IndexError):
            received = text if text else "no TF_CONFIG"
            raise ValueError(
                "multiworker needs the environment variable TF_CONFIG with "
                "one address for each worker and the index of this one, such "
                f"as TF_CONFIG='{EXAMPLE}'. Received: {received}"
            ) from None
        return cls(tuple(addresses), mine)
