"""Checks of `dat-keras report` that need no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dat_keras.cli._checking import check_files, check_sources, refuse_twice
from dat_keras.cli._corruptions import check_corruption_names
from dat_keras.cli._evaluation_checks import check_certify
from dat_keras.cli._names import MINIMUM_NORM
from dat_keras.cli._unions import radii_of_norms


def check_report(
    sources: Sequence[str], output: Path, options: dict[str, Any]
) -> None:
    """Refuses what `dat-keras report` cannot do, before TensorFlow is loaded.

    Args:
        sources: Models, as the command takes them.
        output: The page to be written.
        options: The other options of the command; their `eps` becomes one
            radius, or those of several norms by name.
    """
    from dat_keras.analysis.output_folder import check_plots
    from dat_keras.utils.norms import DEFAULT_EPS
    from dat_keras.utils.registry import lookup, split_names

    norms = split_names(options["norm"])
    for norm in norms:
        lookup(DEFAULT_EPS, norm, "norm")
    options["eps"] = radii_of_norms(options) or _one_radius(options["eps"])
    check_certify(options, norms)
    check_corruption_names(options["corruptions"], options["severities"])
    if options["distances"] is not None:
        for name in split_names(options["distances"]):
            lookup(dict.fromkeys(MINIMUM_NORM), name, "minimum-norm attack")
    refuse_twice(sources, "RUN_OR_MODEL")
    if options["transfer"] and len(sources) < 2:
        raise click.UsageError("--transfer takes two or more RUN_OR_MODEL.")
    for name in ("corruptions", "transfer"):
        if options["eot"] > 1 and options[name]:
            raise click.UsageError(f"--{name} takes no --eot.")
    check_sources(sources, options["weights"])
    check_files([output])
    check_plots()


def _one_radius(radii: Sequence[float] | None) -> float | None:
    """The radius of a single norm."""
    if radii is None:
        return None
    if len(radii) != 1:
        raise click.UsageError(
            f"report takes one --eps for a norm. Received: {len(radii)}"
        )
    return radii[0]
