"""`dat-keras info`: what a model says of itself, without its weights."""

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
from dat_keras.startup import quiet_tensorflow


@click.command()
@click.argument("ref")
@click.option("--revision", help="Branch, tag or commit.  [default: main]")
@click.option("--offline", is_flag=True, help="Use the cache alone.")
@zoo_options
@token_options
@output_options
def info(ref: str, as_json: bool, **options: Any) -> None:
    """Show architecture, threat model and accuracies of the model REF.

    REF is a zoo name or `namespace/name[@revision]`. The accuracies of a
    repository are its author's claims.
    """
    quiet_tensorflow(options["verbose"])
    from dat_keras.zoo.about import about

    hub = connect(
        options["quiet"] or as_json,
        options["verbose"],
        options["token"],
        options["no_token"],
        options["offline"],
    )
    filters = (options["dataset"], options["threat_model"])
    facts = about(ref, hub, filters, options["revision"])
    if as_json:
        emit(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_text(value)}")


def _text(value: object) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:12]))
        return shown + (f", … ({len(value)})" if value[12:] else "")
    text = "-" if value is None else str(value)
    # A stranger's text must not steer the terminal.
    return "".join(c if c.isprintable() else "?" for c in text)[:400]
