"""Rows of a comparison as text: a label, a method or recipe, and settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class RowSpec:
    """One row of the table: what is trained for it.

    Args:
        label: Name of the row, and the start of the names of its run folders.
        source: Name of a recipe, or what `recipes.choose` takes as a method.
        settings: `key=value` for this row alone.

    Raises:
        ValueError: If the label cannot be part of a folder's name.

    Example:
    >>> row = RowSpec.parse("soft: dat objective.beta=2 epochs=3")
    >>> row.label, row.source, row.settings
    ('soft', 'dat', ('objective.beta=2', 'epochs=3'))
    """

    label: str
    source: str
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses labels that are no folder name."""
        if not _LABEL.fullmatch(self.label):
            raise ValueError(
                "`label` must begin with a letter or digit and hold only "
                f"these and . _ + -. Received: label={self.label!r}"
            )

    @classmethod
    def of(cls, name: str) -> RowSpec:
        """Returns the row of a method or recipe, labelled with its name."""
        return cls(name, name)

    @classmethod
    def parse(cls, text: str) -> RowSpec:
        """Reads `LABEL: NAME KEY=VALUE ...`.

        Args:
            text: The text; spaces separate the settings.

        Raises:
            ValueError: If the text has another form.
        """
        label, colon, rest = text.partition(":")
        source, *settings = rest.split() or [""]
        if not colon or not source or not all("=" in s for s in settings):
            raise ValueError(
                "`row` must have the form 'LABEL: NAME KEY=VALUE ...', NAME "
                f"being a method or a recipe. Received: row={text!r}"
            )
        keys = [setting.partition("=")[0] for setting in settings]
        check_distinct(f"keys of row {label.strip()}", keys)
        return cls(label.strip(), source, tuple(settings))


def check_distinct(what: str, values: Sequence[object]) -> None:
    """Refuses values that come twice.

    Args:
        what: What the values are, for the message.
        values: The values.

    Raises:
        ValueError: If one comes twice.
    """
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(
            f"`{what}` must hold no value twice. Received: {twice[0]!r} twice"
        )
