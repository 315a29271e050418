"""Folders of KerasHub presets, told by their files alone."""

from __future__ import annotations

from pathlib import Path

FILES = ("metadata.json", "config.json", "task.json")
"""What KerasHub writes for a classifier, besides weights."""


def is_preset(path: Path) -> bool:
    """Whether a folder is a preset that KerasHub saved of a classifier.

    Args:
        path: The folder.

    Example:
    >>> is_preset(Path("nowhere"))
    False
    """
    return all((path / name).is_file() for name in FILES)
