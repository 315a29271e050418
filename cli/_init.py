"""Options of `--init`, checked before TensorFlow is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

TRAINABLE = re.compile(r"all|head|last:[1-9][0-9]*")


def check_init(choice: Mapping[str, Any]) -> None:
    """Refuses options of `--init` that have no effect, and unknown sources.

    Args:
        choice: The options of `train`.

    Raises:
        click.UsageError: With what to do.
        DatKerasError: If there is no such net.
    """
    source = choice["init"]
    if source is None:
        for option in ("preprocessing", "trainable"):
            if choice[option] is not None:
                raise click.UsageError(f"--{option} is for the net of --init")
        return
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
