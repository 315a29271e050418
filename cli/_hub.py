"""Shared options, Hub client and output of the model commands."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dat_keras.cli._errors import JSON, verbose_option

if TYPE_CHECKING:
    from dat_keras.zoo.hub.client import Hub

RETRY = re.compile(r"Retrying in ([\d.]+)s \[Retry (\d+)/(\d+)\]")


def output_options(command: Callable) -> Callable:
    """Adds `--json`, `-q` and `-v`."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
        ctx.meta[JSON] = value
        return value

    as_json = click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=remember,
        help="Print one JSON object, for errors too.",
    )
    quiet = click.option("-q", "--quiet", is_flag=True, help="No progress.")
    return as_json(quiet(verbose_option(command)))


def token_options(command: Callable) -> Callable:
    """Adds `--token` and `--no-token`."""
    token = click.option(
        "--token",
        help="Token of the Hub; HF_TOKEN or `hf auth login` keep it out of "
        "the shell's history.",
    )
    none = click.option(
        "--no-token",
        is_flag=True,
        help="Send no token, even if one is stored.",
    )
    return token(none(command))


def zoo_options(command: Callable) -> Callable:
    """Adds `--dataset` and `--threat-model`, which tell zoo names apart."""
    dataset = click.option("--dataset", help="Data set of a zoo name.")
    threat = click.option("--threat-model", help="Linf or L2, likewise.")
    return dataset(threat(command))


def connect(
    quiet: bool,
    verbose: bool,
    token: str | None = None,
    no_token: bool = False,
    offline: bool = False,
) -> Hub:
    """Returns a client of the Hub; the library's own output is silenced.

    Args:
        quiet: No progress.
        verbose: The client's log, too.
        token: A token.
        no_token: Use none at all.
        offline: Serve from the cache alone.
    """
    if token is not None and no_token:
        raise click.UsageError("Give --token or --no-token, not both.")
    from huggingface_hub.utils import disable_progress_bars

    from dat_keras.zoo.hub.client import Hub

    if quiet or not sys.stderr.isatty():
        disable_progress_bars()
    say = _nothing if quiet else _say
    if not verbose:
        _print_retries(say)
    return Hub(False if no_token else token, offline, say)


def emit(data: dict[str, Any]) -> None:
    """Prints one JSON object on stdout."""
    click.echo(json.dumps(data, ensure_ascii=False))


def bytes_text(size: int) -> str:
    """Returns a size with a decimal unit.

    Example:
    >>> bytes_text(1_234_000)
    '1.2 MB'
    """
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _say(line: str) -> None:
    click.echo(line, err=True)


def _nothing(line: str) -> None:
    """Says nothing."""


def _print_retries(say: Callable[[str], None]) -> None:
    """Prints the client's retries as short lines, and no other warning."""
    logger = logging.getLogger("huggingface_hub")

    class Retries(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found = RETRY.search(record.getMessage())
            if found:
                wait, count, most = found.groups()
                say(f"server busy, retry {count}/{most} in {wait} s")

    logger.handlers[:] = [Retries()]
    logger.propagate = False
