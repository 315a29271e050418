"""`dat-keras list`: models of the zoo, models on the Hub, or methods."""

from __future__ import annotations

from typing import Any

import click

from dat_keras.cli._hub import (
    connect,
    emit,
    output_options,
    token_options,
    zoo_options,
)
from dat_keras.utils.runtime import quiet_tensorflow


@click.command("list")
@click.option("--methods", is_flag=True, help="List the training methods.")
@click.option("--remote", is_flag=True, help="Search the Hugging Face Hub.")
@click.option("--author", help="Namespace on the Hub, with --remote.")
@zoo_options
@token_options
@output_options
def list_models(
    methods: bool, remote: bool, as_json: bool, **options: Any
) -> None:
    """List models that `pull` and `evaluate` know by name.

    With --methods, list what `train` and `compare` can train instead.
    """
    if options["author"] and not remote:
        raise click.UsageError("--author needs --remote.")
    if methods and remote:
        raise click.UsageError("Give --methods or --remote, not both.")
    read = _methods if methods else _remote if remote else _bundled
    kind = "methods" if methods else "models"
    cells = read(**options)
    if as_json:
        header, *rows = cells
        emit({kind: [dict(zip(header, r, strict=True)) for r in rows]})
    elif len(cells) == 1:
        click.echo("no models found", err=True)
    elif methods:
        from dat_keras.utils.text_table import ragged

        click.echo(ragged(cells))
    else:
        from dat_keras.utils.text_table import plain

        click.echo(plain(cells))


def _methods(verbose: bool, **_: Any) -> list[list[str]]:
    quiet_tensorflow(verbose)
    from dat_keras.objectives.catalog import methods_table

    return methods_table()


def _bundled(
    dataset: str | None, threat_model: str | None, **_: Any
) -> list[list[str]]:
    from dat_keras.utils.norms import pixel_fraction
    from dat_keras.zoo.cards.accuracies import headline
    from dat_keras.zoo.commands.bundled import matching

    rows = [["name", "dataset", "architecture", "norm", "eps", "accuracy"]]
    for card in matching(dataset, threat_model):
        spec = card.spec
        eps = pixel_fraction(spec.eps)
        cells = [card.name, spec.dataset, spec.architecture, spec.norm, eps]
        rows.append([*cells, headline(card.reports)])
    return rows


def _remote(**options: Any) -> list[list[str]]:
    from dat_keras.zoo.commands.search import search

    hub = connect(
        options["quiet"],
        options["verbose"],
        options["token"],
        options["no_token"],
    )
    hits = search(
        hub, options["author"], options["dataset"], options["threat_model"]
    )
    return [["repo", "commit"], *([h.repo, h.commit or "-"] for h in hits)]
