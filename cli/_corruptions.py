"""Checks of `--corruptions`, `--severities` and `--published`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from dat_keras.cli._names import CORRUPTIONS, STAGED


def check_corruptions(
    entry: bool, options: dict[str, Any]
) -> dict[str, Any] | None:
    """Returns the arguments of `evaluate_corruptions`, or refuses them.

    Args:
        entry: Whether `--robustbench` is given.
        options: The other options of the command; theirs are removed.
    """
    from dat_keras.utils.registry import split_names

    names = options.pop("corruptions")
    severities = options.pop("severities")
    published = options.pop("published")
    if names is None and published:
        raise click.UsageError("--published needs --corruptions.")
    check_corruption_names(names, severities)
    if names is None:
        return None
    if any(options[n] for n in ("resume", "shard", "save_adversarial")):
        raise click.UsageError(
            "--corruptions takes no --resume, --shard and --save-adversarial."
        )
    if entry and not (published and names == "all" and severities is None):
        raise click.UsageError(
            "--robustbench with --corruptions needs `--corruptions all "
            "--published`, at all severities."
        )
    if set(split_names(options["attacks"])) & set(STAGED):
        raise click.UsageError(
            "--corruptions takes single attacks, such as natural,pgd20. "
            f"Received: --attack {options['attacks']}"
        )
    if options["search_dtype"]:
        raise click.UsageError("--corruptions takes no --search-dtype.")
    if options["eot"] > 1:
        raise click.UsageError("--corruptions takes no --eot.")
    return {
        "corruptions": names,
        "severities": severities or (1, 2, 3, 4, 5),
        "published": published,
    }


def check_corruption_names(
    names: str | None, severities: Sequence[int] | None
) -> None:
    """Refuses unknown corruptions, and severities of none.

    Args:
        names: Value of `--corruptions`.
        severities: Value of `--severities`.
    """
    from dat_keras.utils.registry import lookup, split_names

    if names is None:
        if severities:
            raise click.UsageError("--severities needs --corruptions.")
        return
    if names == "all":
        return
    for name in split_names(names):
        lookup(dict.fromkeys(CORRUPTIONS), name, "corruption")
