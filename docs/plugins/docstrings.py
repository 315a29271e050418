"""Griffe extension: examples and references of docstrings as sections.

The docstrings write `Example:` and, below it at the same indentation, the
lines of a doctest; Griffe reads a section only where its text is indented.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

HEADER = re.compile(r"Example:\n(?=>>>)")


def sectioned(text: str) -> str:
    """Returns the docstring with its example as an indented section."""
    found = HEADER.search(text)
    if found is None:
        return text
    example, gap, rest = text[found.end() :].partition("\n\n")
    lines = [f"    {line}" if line else "" for line in example.split("\n")]
    before = text[: found.start()]
    return f"{before}Examples:\n" + "\n".join(lines) + gap + rest


class Docstrings(griffe.Extension):
    """Applies `sectioned` to every docstring."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrites the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = sectioned(obj.docstring.value)
