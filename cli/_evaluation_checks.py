"""Checks of `--eot`, `--certify` and `--eps-curve` without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from dat_keras.cli._names import CERTIFIERS, MINIMUM_NORM


def check_eot(names: Sequence[str], options: dict[str, Any]) -> None:
    """Refuses `--eot` where it has no effect.

    Args:
        names: Attacks.
        options: The options of the command.
    """
    if options["eot"] == 1:
        return
    if set(names) == {"natural"}:
        raise click.UsageError(
            "--eot averages the passes of an attack. Received: --attack natural"
        )
    if "autoattack-rand" in names:
        raise click.UsageError(
            "--eot takes no autoattack-rand, which averages passes of its own."
        )


def check_certify(options: dict[str, Any], norms: Sequence[str]) -> None:
    """Refuses settings of `--certify` that do not belong together.

    Args:
        options: The options of the command.
        norms: Those in which the command measures.
    """
    method = options["certify"]
    taken = CERTIFIERS[method].takes if method else ()
    for other, each in CERTIFIERS.items():
        for name in each.takes:
            if options[name] is not None and name not in taken:
                raise click.UsageError(f"--{name} needs --certify {other}.")
    if method is None:
        return
    for name in CERTIFIERS[method].needs:
        if options[name] is None:
            raise click.UsageError(f"--certify {method} needs --{name}.")
    if options.get("shard"):
        raise click.UsageError("--certify takes no --shard: all images.")
    wanted = CERTIFIERS[method].norm
    if wanted not in norms:
        raise click.UsageError(
            f"--certify {method} needs --norm {wanted}. "
            f"Received: {','.join(norms)}"
        )


def check_curve(names: Sequence[str], options: dict[str, Any]) -> None:
    """Refuses `--eps-curve` without attacks that find distances.

    Args:
        names: Attacks.
        options: The options of the command.
    """
    curve = options["eps_curve"]
    if curve is None:
        return
    attacks = set(names) - {"natural"}
    if not attacks or not attacks <= set(MINIMUM_NORM):
        raise click.UsageError(
            f"--eps-curve takes --attack {' and '.join(MINIMUM_NORM)}, which "
            f"find minimal distances. Received: --attack {options['attacks']}"
        )
    from dat_keras.utils.norms import RADIUS_UNITS

    if max(curve, default=0.0) > RADIUS_UNITS[options["norm"]].most:
        raise click.UsageError(
            "--eps-curve takes radii in [0, 1], the pixel range. "
            f"Received: {max(curve):g}"
        )
