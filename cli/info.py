"""`dat-keras info`: facts about a run or a model, without its weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from dat_keras.cli import _complete
from dat_keras.cli._hub import (
    connect,
    emit,
    output_options,
    token_options,
    zoo_options,
)


@click.command()
@click.argument("ref", shell_complete=_complete.sources)
@click.option("--revision", help="Branch, tag or commit.  [default: main]")
@click.option("--offline", is_flag=True, help="Use the cache alone.")
@zoo_options
@token_options
@output_options
def info(ref: str, as_json: bool, **options: Any) -> None:
    """Show architecture, threat model and accuracies of the model REF.

    REF is a run folder, a zoo name, `namespace/name[@revision]`, or the
    folder of a pulled model. Of a run, the accuracies are those on its
    validation images. The accuracies of a repository are its author's claims.
    """
    from dat_keras.zoo.commands.describe import describe

    hub = connect(
        options["quiet"] or as_json,
        options["verbose"],
        options["token"],
        options["no_token"],
        options["offline"],
    )
    filters = (options["dataset"], options["threat_model"])
    facts = describe(ref, hub, filters, options["revision"])
    if as_json:
        emit(facts)
        return
    lines = dict(_lines(facts))
    width = max(map(len, lines))
    for name, text in lines.items():
        click.echo(f"{name:{width}}  {text}")


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        title = name.replace("_", " ")
        parts = value if isinstance(value, dict) else {"": value}
        parts = parts or {"": None}
        for part, content in parts.items():
            name = f"{title} {_text(part)}" if part else title
            yield name, _text(content)


def _text(value: object) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:12]))
        return shown + (f", … ({len(value)})" if value[12:] else "")
    text = "-" if value in (None, "") else str(value)
    # Untrusted text must not send control sequences to the terminal.
    return "".join(c if c.isprintable() else "?" for c in text)[:400]
