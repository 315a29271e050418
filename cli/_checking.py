"""Checks of commands that need no TensorFlow."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dat_keras.cli._evaluation_checks import (
    check_certify,
    check_curve,
    check_eot,
)
from dat_keras.cli._names import (
    ARCHITECTURES,
    EVALUATIONS,
    PROTOCOLS,
    SINGLE,
    STAGED,
)


def check(sources: Sequence[str], entry: bool, options: dict[str, Any]) -> None:
    """Refuses unknown names, and options that exclude each other.

    Args:
        sources: Models, as the command takes them.
        entry: Whether `--robustbench` is given.
        options: The other options of the command.
    """
    from dat_keras.utils.attack_names import check_attack, is_reference
    from dat_keras.utils.norms import DEFAULT_EPS
    from dat_keras.utils.registry import lookup, split_names

    names = split_names(options["attacks"])
    _check_single(sources, entry, names, options)
    for name in names:
        if not is_reference(name):
            check_attack(name, EVALUATIONS)
    refuse_twice(sources, "RUN_OR_MODEL")
    _check_radii(options)
    _check_entry(entry, names, options)
    check_certify(options, [options["norm"]])
    lookup(DEFAULT_EPS, options["norm"], "norm")
    check_curve(names, options)
    lookup(dict.fromkeys(PROTOCOLS), options["protocol"], "protocol")
    check_sources(sources, options["weights"])
    check_eot(names, options)
    if options["resume"] and not set(names) & set(STAGED):
        raise click.UsageError(
            "--resume continues AutoAttack, one of its parts or FMN. "
            f"Received: --attack {options['attacks']}"
        )


def check_architecture(name: str | None) -> None:
    """Refuses an unknown architecture, with the nearest names.

    Args:
        name: Value of `--architecture`.
    """
    from dat_keras.utils.registry import lookup

    if name is not None:
        lookup(dict.fromkeys(ARCHITECTURES), name, "architecture")


def check_analysis(
    sources: Sequence[str],
    output: Path,
    overwrite: bool,
    options: dict[str, Any],
) -> None:
    """Refuses what `dat-keras analyze` cannot do, before TensorFlow is loaded.

    Args:
        sources: Models, as the command takes them.
        output: The folder to be written.
        overwrite: Whether an earlier analysis in it may be replaced.
        options: The other options of the command.
    """
    from dat_keras.analysis.output_folder import check_output, check_plots
    from dat_keras.utils.attack_names import check_attack
    from dat_keras.utils.norms import DEFAULT_EPS
    from dat_keras.utils.registry import lookup

    attacks = [name for name in SINGLE if name != "natural"]
    check_attack(options["attack"], attacks)
    lookup(DEFAULT_EPS, options["norm"], "norm")
    refuse_twice(sources, "RUN_OR_MODEL")
    _check_radii(options)
    check_sources(sources, options["weights"])
    check_output(output, overwrite)
    check_plots()


def check_transfer(
    sources: Sequence[str], weights: str, options: dict[str, Any]
) -> None:
    """Refuses what `dat-keras transfer` cannot do, before TensorFlow is loaded.

    Args:
        sources: Models, as the command takes them.
        weights: Value of `--weights`.
        options: The other options of the command.
    """
    from dat_keras.utils.attack_names import check_attack, is_reference
    from dat_keras.utils.norms import DEFAULT_EPS
    from dat_keras.utils.registry import lookup

    if len(sources) < 2:
        raise click.UsageError("transfer takes two or more RUN_OR_MODEL.")
    if not is_reference(options["attack"]):
        attacks = [name for name in EVALUATIONS if name != "natural"]
        check_attack(options["attack"], attacks)
    lookup(DEFAULT_EPS, options["norm"], "norm")
    refuse_twice(sources, "RUN_OR_MODEL")
    check_sources(sources, weights)


def check_shard(
    sources: Sequence[str],
    json_file: Path | None,
    entry_file: Path | None,
    options: dict[str, Any],
) -> None:
    """Refuses a shard whose report could not be merged.

    Args:
        sources: Models, as the command takes them.
        json_file: Value of `--json`.
        entry_file: Value of `--robustbench`.
        options: The other options of the command.
    """
    if options["shard"] is None:
        return
    if json_file is None:
        raise click.UsageError("--shard needs --json, for merge-reports.")
    if ":" in options["attacks"] or options["eot"] > 1:
        raise click.UsageError("--shard takes no --eot and no own attack.")
    if entry_file or options["save_adversarial"]:
        raise click.UsageError(
            "--shard takes no --robustbench and no --save-adversarial."
        )
    if len(sources) > 1 or len(options["eps"] or ()) > 1:
        raise click.UsageError("--shard takes one model and one --eps.")


def check_files(files: Sequence[Path]) -> None:
    """Refuses output files that cannot be written, before hours are spent.

    Args:
        files: The files; their folders exist.
    """
    refuse_twice([str(file.absolute()) for file in files], "output file")
    for file in files:
        try:
            tempfile.TemporaryFile(dir=file.absolute().parent).close()
        except OSError as error:
            raise click.UsageError(
                f"Cannot write {file}: {error.strerror}."
            ) from None


def check_sources(sources: Sequence[str], weights: str) -> None:
    from dat_keras.zoo.commands.sources import check_source, is_run

    for source in sources:
        check_source(source, weights)
        if weights != "best" and not is_run(Path(source)):
            raise click.UsageError(
                "--weights selects those of a run folder. "
                f"Received: --weights {weights} for {source}"
            )


def _check_single(
    sources: Sequence[str],
    entry: bool,
    names: Sequence[str],
    options: dict[str, Any],
) -> None:
    one_report = options["save_adversarial"] or entry
    if one_report and len(sources) > 1:
        raise click.UsageError(
            "--save-adversarial and --robustbench take one model. "
            f"Received: {len(sources)}"
        )
    radii = options["eps"] or ()
    if (one_report or options["resume"]) and len(radii) > 1:
        raise click.UsageError(
            "--resume, --save-adversarial and --robustbench take one --eps. "
            f"Received: {len(radii)}"
        )


def _check_radii(options: dict[str, Any]) -> None:
    from dat_keras.utils.norms import pixel_fraction

    radii = options["eps"]
    if radii is None:
        return
    if not radii:
        raise click.UsageError("--eps is an empty list.")
    refuse_twice([pixel_fraction(eps) for eps in radii], "--eps")


def _check_entry(
    entry: bool, names: Sequence[str], options: dict[str, Any]
) -> None:
    ranked = options["corruptions"] or "autoattack" in names
    if entry and not ranked:
        raise click.UsageError("--robustbench needs --attack autoattack.")
    if entry and options["search_dtype"]:
        raise click.UsageError("--robustbench takes no --search-dtype.")
    if entry and options["eot"] > 1:
        raise click.UsageError("--robustbench takes no --eot.")


def refuse_twice(values: Sequence[str], what: str) -> None:
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise click.UsageError(f"{what} is given twice: {twice[0]}")
