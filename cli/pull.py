"""`dat-keras pull`: fetch a model of the zoo or of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dat_keras.cli._hub import (
    bytes_text,
    connect,
    emit,
    output_options,
    token_options,
    zoo_options,
)
from dat_keras.utils.runtime import quiet_tensorflow

if TYPE_CHECKING:
    from dat_keras.zoo.commands.fetch import Fetched

EXAMPLES = """\b
Examples:
  dat-keras pull somebody/robust-resnet
  dat-keras pull somebody/robust-resnet@v1 --output robust-resnet
  dat-keras evaluate robust-resnet
"""


@click.command(epilog=EXAMPLES)
@click.argument("ref")
@click.option("--revision", help="Branch, tag or commit.  [default: main]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder to write, in addition to the cache.",
)
@click.option("--force", is_flag=True, help="Replace a model in --output.")
@click.option("--offline", is_flag=True, help="Use the cache alone.")
@click.option(
    "--verify-remote",
    is_flag=True,
    help="Compare with the Hub's hashes even what is cached.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be fetched.")
@zoo_options
@token_options
@output_options
def pull(
    ref: str,
    output: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,
    **options: Any,
) -> None:
    """Fetch the model REF and check it.

    REF is a zoo name, `namespace/name[@revision]` or
    `hf://namespace/name[@revision]`. Nothing in a repository is run.
    """
    from dat_keras.zoo.bundle.folder import check_target
    from dat_keras.zoo.commands.fetch import fetch, write_out

    if options["offline"] and options["verify_remote"]:
        raise click.UsageError(
            "--verify-remote asks the Hub: leave out --offline."
        )
    hub = connect(
        options["quiet"] or as_json,
        options["verbose"],
        options["token"],
        options["no_token"],
        options["offline"],
    )
    if output is not None:
        check_target(output, force)
    fetched = fetch(
        ref,
        hub,
        (options["dataset"], options["threat_model"]),
        revision=options["revision"],
        dry_run=dry_run,
        verify_remote=options["verify_remote"],
    )
    if output is not None and not dry_run:
        if fetched.commit is None:
            quiet_tensorflow(options["verbose"])
        write_out(fetched, output, force)
    show = _emit if as_json else _print
    show(fetched, None if dry_run else output, dry_run)


def _print(fetched: Fetched, output: Path | None, dry_run: bool) -> None:
    if dry_run:
        for file in fetched.files:
            size = bytes_text(file.size)
            click.echo(f"{file.action:9}  {size:>8}  {file.path}")
        click.echo(f"would pull {fetched.name}")
        return
    click.echo(f"{fetched.name} in {output or fetched.place}")


def _emit(fetched: Fetched, output: Path | None, dry_run: bool) -> None:
    emit(
        {
            "repo": fetched.repo,
            "revision": fetched.revision,
            "commit": fetched.commit,
            "files": [
                {
                    "path": file.path,
                    "size": file.size,
                    "sha256": file.sha256,
                    "action": file.action,
                }
                for file in fetched.files
            ],
            **({} if dry_run else {"folder": str(output or fetched.place)}),
        }
    )
