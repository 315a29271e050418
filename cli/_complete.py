"""Completion of values in the shell, from names that need no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dat_keras.cli._datasets import DATASETS
from dat_keras.cli._names import ARCHITECTURES, EVALUATIONS
from dat_keras.cli._recipe_names import ADDITIONS, METHODS, recipe_names

Completer = Callable[[click.Context, click.Parameter, str], list]
"""What click takes as `shell_complete`."""


def of_names(names: Callable[[], Iterable[str]]) -> Completer:
    """Returns a completer of fixed names; after a comma of the next one.

    Args:
        names: Returns the names, once they are asked for.

    Example:
    >>> complete = of_names(lambda: ("dat", "trades"))
    >>> [item.value for item in complete(None, None, "dat,t")]
    ['dat,trades']
    """

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        before, comma, begun = incomplete.rpartition(",")
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in names()
            if name.startswith(begun)
        ]

    return complete


def _of_methods(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Methods; behind a `+` what can be added to them."""
    method, plus, _ = incomplete.rpartition(",")[2].rpartition("+")
    names = [f"{method}+{each}" for each in ADDITIONS] if plus else METHODS
    return of_names(lambda: names)(ctx, param, incomplete)


def _of_datasets(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Data sets, and folders where none begins so."""
    found = of_names(lambda: DATASETS)(ctx, param, incomplete)
    return found or [CompletionItem(incomplete, type="dir")]


def run_folders(below: Path = Path("runs")) -> list[str]:
    """Returns the run folders below a folder, two levels deep.

    Args:
        below: Where runs are kept by default.
    """
    found = (*below.glob("*/recipe.json"), *below.glob("*/*/recipe.json"))
    return sorted(file.parent.as_posix() for file in found)


def _of_sources(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Run folders and zoo models, then files."""
    from dat_keras.zoo.commands.bundled import cards

    def names() -> list[str]:
        return [*run_folders(), *(card.name for card in cards())]

    found = of_names(names)(ctx, param, incomplete)
    return found or [CompletionItem(incomplete, type="file")]


methods: Completer = _of_methods
datasets: Completer = _of_datasets
sources: Completer = _of_sources
architectures = of_names(lambda: ARCHITECTURES)
attacks = of_names(lambda: EVALUATIONS)
recipes = of_names(recipe_names)
