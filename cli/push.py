"""`dat-keras push`: publish a run on the Hugging Face Hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dat_keras.cli._hub import (
    bytes_text,
    connect,
    emit,
    output_options,
    token_options,
)
from dat_keras.cli._options import weights_option
from dat_keras.utils.runtime import quiet_tensorflow

if TYPE_CHECKING:
    from dat_keras.zoo.hub.client import Hub
    from dat_keras.zoo.hub.plan import Plan
    from dat_keras.zoo.hub.push import Pushed
    from dat_keras.zoo.hub.reference import HubRef

EXAMPLES = """\b
Examples:
  dat-keras evaluate runs/shapes-dat --json r.json
  dat-keras push runs/shapes-dat me/shapes-dat --license mit --report r.json
  dat-keras push runs/shapes-dat me/shapes-dat --license mit --dry-run
"""


@click.command(epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("repo_id")
@click.option("--license", required=True, help="Such as apache-2.0 or mit.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of `evaluate --json` or `compare` on these weights; may be "
    "repeated.",
)
@weights_option
@click.option(
    "--private/--public",
    default=None,
    help="Visibility of a new repository.",
)
@click.option("--revision", metavar="BRANCH", help="[default: main]")
@click.option("--message", help="Title of the commit.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option(
    "--overwrite-card", is_flag=True, help="Replace an edited README.md, too."
)
@click.option(
    "--no-keras-copy", is_flag=True, help="Leave out the copy for Keras alone."
)
@click.option("--create-pr", is_flag=True, help="Open a pull request.")
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@token_options
@output_options
def push(
    run: Path,
    repo_id: str,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Publish the weights of RUN as REPO_ID, `namespace/name`.

    RUN is a run folder, or a folder that `pull` or `import-torch` wrote.

    The files are built, read back and compared first; one commit sends them.
    """
    from dat_keras.zoo.hub.reference import HubRef

    target = HubRef(repo_id, options["revision"])
    _check(run, options)
    hub = connect(
        options["quiet"] or as_json,
        options["verbose"],
        options["token"],
        options["no_token"],
    )
    quiet_tensorflow(options["verbose"])
    with tempfile.TemporaryDirectory() as folder:
        made, pushed = _push(run, target, Path(folder), hub, dry_run, options)
    show = _emit if as_json else _print
    show(made, pushed)


def _check(run: Path, options: dict[str, Any]) -> None:
    """Refuses unknown names and damaged reports without TensorFlow."""
    from dat_keras.utils.registry import lookup
    from dat_keras.zoo.cards.licenses import LICENSES
    from dat_keras.zoo.cards.reports import read_reports
    from dat_keras.zoo.commands.sources import check_path

    lookup(LICENSES, options["license"], "licence")
    check_path(run, options["weights"])
    for path in options["reports"]:
        read_reports(path)


def _push(
    run: Path,
    target: HubRef,
    folder: Path,
    hub: Hub,
    dry_run: bool,
    options: dict[str, Any],
) -> tuple[Plan, Pushed | None]:
    from dataclasses import replace

    from dat_keras.zoo.bundle.write import from_run, write_bundle
    from dat_keras.zoo.hub.plan import PushOptions, plan
    from dat_keras.zoo.hub.push import execute

    bundle = from_run(run, options["weights"], options["reports"])
    bundle = replace(bundle, keras_copy=not options["no_keras_copy"])
    if not bundle.reports:
        hub.say("no evaluation is published: add one with --report")
    write_bundle(bundle, folder, target.repo, options["license"])
    hub.require_token()
    chosen = PushOptions(
        options["private"],
        options["force"],
        options["overwrite_card"],
        options["create_pr"],
        options["message"] or PushOptions.message,
    )
    made = plan(folder, target, hub, chosen)
    return made, None if dry_run else execute(made, hub, chosen)


def _print(made: Plan, pushed: Pushed | None) -> None:
    repo = made.target.repo
    if pushed is None:
        for change in made.changes:
            size = bytes_text(change.size)
            click.echo(f"{change.action:9}  {size:>8}  {change.path}")
        click.echo(f"would push to {_place(made)}")
        return
    if not pushed.url:
        click.echo(f"nothing to push: {repo}@{pushed.commit} holds the same")
        return
    click.echo(pushed.url)
    click.echo(f"dat-keras pull {repo}@{pushed.commit}")


def _place(made: Plan) -> str:
    target = made.target
    kind = "private" if made.private else "public"
    what = f"a new {kind} repository"
    if made.there:
        branch = "a new branch" if made.new_branch else "there already"
        what = f"{branch}, {kind}"
    return f"{target.repo}@{target.revision or 'main'}: {what}"


def _emit(made: Plan, pushed: Pushed | None) -> None:
    emit(
        {
            "repo": made.target.repo,
            "revision": made.target.revision or "main",
            "commit": pushed.commit if pushed else None,
            "files": [
                {
                    "path": change.path,
                    "size": change.size,
                    "sha256": change.sha256,
                    "action": change.action,
                }
                for change in made.changes
            ],
        }
    )
