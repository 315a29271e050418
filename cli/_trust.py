"""`train --trust`: whether Keras may build the layers that a source names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

MODELS = ("teacher", "labels")
"""Last parts of the keys of `--set` that name a model."""


def check_trust(
    init: str | None, settings: Sequence[str], trusted: bool
) -> None:
    """Refuses sources that Keras builds from, unless they are trusted.

    Args:
        init: Value of `--init`.
        settings: `key=value` of the recipe, those of `--extra` among them.
        trusted: Whether `--trust` was given.

    Raises:
        click.UsageError: With what to do.
    """
    pairs = (setting.partition("=") for setting in settings)
    named = [v for k, _, v in pairs if k.rpartition(".")[2] in MODELS]
    named += [] if init is None else [init]
    built = [source for source in named if _is_built_by_keras(Path(source))]
    if built and not trusted:
        raise click.UsageError(
            f"Keras builds the layers that {built[0]} names: add --trust if "
            "you trust who made it"
        )
    if trusted and not built:
        raise click.UsageError(
            "--trust is for .keras files, presets and runs that began at one, "
            "as --init, --extra-labels or teacher: other sources are read as "
            f"data. Received: {', '.join(named) or 'none'}"
        )


def _is_built_by_keras(path: Path) -> bool:
    from dat_keras.utils.presets import is_preset
    from dat_keras.utils.run_folder import RunFolder

    return (
        path.suffix == ".keras"
        or is_preset(path)
        or RunFolder(path).net.is_file()
    )
