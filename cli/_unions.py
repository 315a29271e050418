"""Checks of `--norm` with several norms."""

from __future__ import annotations

from typing import Any

import click

ALONE = {
    "shard": "--shard",
    "save_adversarial": "--save-adversarial",
    "certify": "--certify",
    "corruptions": "--corruptions",
    "eps_curve": "--eps-curve",
}
"""Options that take one norm."""


def radii_of_norms(options: dict[str, Any]) -> dict[str, float]:
    """Returns the radius of each norm if there are several; else none.

    Args:
        options: The options of the command, `norm` and `eps` among them.
    """
    from dat_keras.utils.norms import union_radii
    from dat_keras.utils.registry import split_names

    norms, eps = split_names(options["norm"]), options["eps"]
    by_norm = isinstance(eps, dict)
    if len(norms) == 1:
        if by_norm:
            raise click.UsageError(
                "--eps with names of norms takes several in --norm. "
                f"Received: --norm {options['norm']}"
            )
        return {}
    if eps is not None and not by_norm:
        raise click.UsageError(
            "--norm with several norms takes one --eps for each by its name, "
            "such as linf=4/255,l2=1."
        )
    return union_radii(norms, eps or {})


def check_union(entry: bool, options: dict[str, Any]) -> dict[str, float]:
    """Returns the radius of each norm if there are several, or refuses them.

    Args:
        entry: Whether `--robustbench` is given.
        options: The other options of the command; of several norms the first
            is left in them, and no radius.
    """
    radii = radii_of_norms(options)
    if not radii:
        return {}
    given = [name for name in ALONE if options[name] not in (None, False)]
    refused = [ALONE[name] for name in given]
    refused += ["--robustbench"] if entry else []
    if refused:
        raise click.UsageError(
            f"{refused[0]} takes one --norm. Received: {options['norm']}"
        )
    options.update(norm=next(iter(radii)), eps=None)
    return radii
