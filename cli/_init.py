"""Options of `--init`, checked before TensorFlow is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

TRAINABLE = re.compile(r"all|head|last:[1-9][0-9]*")


def check_init(choice: Mapping[str, Any], trusted: bool) -> None:
    """Refuses options of `--init` that have no effect, and unknown sources.

    Args:
        choice: The options of `train`.
        trusted: Whether `--trust-init` was given.

    Raises:
        click.UsageError: With what to do.
        DatKerasError: If there is no such net.
    """
    source = choice["init"]
    if source is None:
        for option in ("preprocessing", "trainable"):
            if choice[option] is not None:
                raise click.UsageError(f"--{option} is for the net of --init")
        if trusted:
            raise click.UsageError("--trust-init is for the net of --init")
        return
    from dat_keras.utils.presets import is_preset
    from dat_keras.utils.run_folder import RunFolder
    from dat_keras.zoo.commands.sources import check_source

    given = choice["trainable"]
    if given is not None and not TRAINABLE.fullmatch(given):
        raise click.UsageError(
            "--trainable is all, head, or last:N with N from 1. "
            f"Received: {given}"
        )
    for option in ("architecture", "precision"):
        if choice[option] is not None:
            raise click.UsageError(
                f"the net of --init has its own {option}: leave --{option} out"
            )
    check_source(source, "best")
    path = Path(source)
    built_by_keras = (
        path.suffix == ".keras"
        or is_preset(path)
        or RunFolder(path).net.is_file()
    )
    if built_by_keras and not trusted:
        raise click.UsageError(
            f"Keras builds the layers that {source} names: add --trust-init "
            "if you trust who made it"
        )
    if trusted and not built_by_keras:
        raise click.UsageError(
            "--trust-init is for .keras files, presets and runs that began "
            f"at one: other sources are read as data. Received: {source}"
        )
