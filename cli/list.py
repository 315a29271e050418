"""`dat-keras list`: models, methods, recipes, architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dat_keras.cli._hub import (
    connect,
    emit,
    output_options,
    token_options,
    zoo_options,
)
from dat_keras.cli._names import ARCHITECTURES
from dat_keras.cli._recipe_names import check_pattern
from dat_keras.utils.runtime import quiet_tensorflow


@click.command("list")
@click.option("--methods", is_flag=True, help="List the training methods.")
@click.option(
    "--recipes",
    "pattern",
    is_flag=False,
    flag_value="*",
    metavar="[PATTERN]",
    help="List recipes: all, or those whose name holds PATTERN.",
)
@click.option(
    "--architectures", is_flag=True, help="List what --architecture takes."
)
@click.option("--remote", is_flag=True, help="Search the Hugging Face Hub.")
@click.option("--author", help="Namespace on the Hub, with --remote.")
@zoo_options
@token_options
@output_options
def list_models(
    methods: bool,
    pattern: str | None,
    architectures: bool,
    remote: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """List models that `pull` and `evaluate` know by name.

    With --methods, list what `train` and `compare` can train instead; with
    --recipes, what `train --recipe` takes; with --architectures, what their
    --architecture takes.
    """
    if options["author"] and not remote:
        raise click.UsageError("--author needs --remote.")
    kinds = {
        "methods": methods,
        "recipes": pattern,
        "architectures": architectures,
        "models": remote,
    }
    chosen = [kind for kind, given in kinds.items() if given]
    if len(chosen) > 1:
        raise click.UsageError(
            "Give one of --methods, --recipes, --architectures, --remote."
        )
    (kind,) = chosen or ("models",)
    if kind != "models" and (options["dataset"] or options["threat_model"]):
        raise click.UsageError("--dataset and --threat-model select models.")
    if not remote and (options["token"] or options["no_token"]):
        raise click.UsageError("--token and --no-token need --remote.")
    readers: dict[str, Callable[..., list[list[str]]]] = {
        "methods": _methods,
        "recipes": _recipes,
        "architectures": _architectures,
        "models": _bundled,
    }
    read = _remote if remote else readers[kind]
    if pattern:
        check_pattern(pattern)
    cells = read(pattern=pattern, **options)
    if as_json:
        header, *rows = cells
        emit({kind: [dict(zip(header, r, strict=True)) for r in rows]})
    elif len(cells) == 1:
        click.echo("no models found", err=True)
    elif kind != "models":
        from dat_keras.utils.text_table import ragged

        click.echo(ragged(cells))
    else:
        from dat_keras.utils.text_table import plain

        click.echo(plain(cells))


def _methods(verbose: bool, **_: Any) -> list[list[str]]:
    quiet_tensorflow(verbose)
    from dat_keras.objectives.catalog import methods_table

    return methods_table()


def _recipes(verbose: bool, pattern: str, **_: Any) -> list[list[str]]:
    quiet_tensorflow(verbose)
    from dat_keras.recipes.catalog import recipes_table

    return recipes_table(pattern)


def _architectures(**_: Any) -> list[list[str]]:
    sources = {"keras_cv": "keras-cv", "resnet50": "keras"}
    return [
        ["architecture", "from"],
        *(
            [name, sources.get(name.partition("/")[0], "dat-keras")]
            for name in ARCHITECTURES
        ),
    ]


def _bundled(
    dataset: str | None, threat_model: str | None, **_: Any
) -> list[list[str]]:
    from dat_keras.utils.norms import pixel_fraction
    from dat_keras.zoo.cards.accuracies import headline
    from dat_keras.zoo.cards.results import results
    from dat_keras.zoo.commands.bundled import matching

    rows = [["name", "dataset", "architecture", "norm", "eps", "accuracy"]]
    for card in matching(dataset, threat_model):
        spec = card.spec
        eps = pixel_fraction(spec.eps)
        cells = [card.name, spec.dataset, spec.architecture, spec.norm, eps]
        rows.append([*cells, headline(results("", card.reports))])
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
