"""Errors as one line on stderr, with their exit codes."""

from __future__ import annotations

import errno
import json
import re
import sys
import traceback
from collections.abc import Callable
from typing import IO, Any

import click

from dat_keras.utils.backend import check_backend
from dat_keras.utils.errors import DatKerasError, RunInterruptedError

VERBOSE = "dat_keras.verbose"
JSON = "dat_keras.json"
TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}")

Outcome = tuple[str, int]
"""What to print, and the exit code."""


class Failure(click.ClickException):
    """A failure with a message of one line and an exit code.

    Args:
        message: The line, without `error:`.
        exit_code: Exit code of the process.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: IO[str] | None = None) -> None:
        """Prints the line on stderr."""
        click.echo(f"error: {self.message}", file=file, err=True)


class OneLineErrors(click.Group):
    """A group of commands whose errors are printed as one line.

    Each command gets `verbose_option`; with `-v` the traceback is shown too.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the program, unless Keras is set to another backend."""
        try:
            check_backend()
        except ImportError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(2)
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; any error becomes a `Failure`."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            # The reader of stdout, such as `head`, has ended: click exits.
            raise
        except (Exception, KeyboardInterrupt) as error:
            if ctx.meta.get(VERBOSE):
                click.echo(masked(traceback.format_exc()), nl=False, err=True)
            message, code = explain(error)
            if ctx.meta.get(JSON):
                click.echo(as_json(error, message, code))
            raise Failure(message, code) from error


def masked(text: str) -> str:
    """Returns a text without the tokens of the Hub in it.

    Example:
    >>> masked("Bearer hf_abcdefghijkl")
    'Bearer hf_…'
    """
    return TOKEN.sub("hf_…", text)


def as_json(error: BaseException, message: str, code: int) -> str:
    """Returns an error as the JSON object that `--json` promises.

    Args:
        error: The error; those of the zoo know a hint.
        message: Its line.
        code: The exit code.

    Example:
    >>> as_json(ValueError(), "odd", 2)
    '{"error": {"code": 2, "message": "odd", "hint": ""}}'
    """
    hint = masked(getattr(error, "hint", ""))
    fields = {"code": code, "message": message, "hint": hint}
    fields["message"] = message.removesuffix(f": {hint}") if hint else message
    return json.dumps({"error": fields}, ensure_ascii=False)


def explain(error: BaseException) -> Outcome:
    """Returns the line and the exit code for an error.

    The first class of the error's ancestry that `EXPLANATIONS` knows
    decides. Classes are known by name, for TensorFlow must not be imported
    to name its errors.

    Args:
        error: Any error.

    Example:
    >>> explain(ValueError("`eps` must be positive."))
    ('`eps` must be positive.', 2)
    """
    names = (cls.__name__ for cls in type(error).__mro__)
    name = next(name for name in names if name in EXPLANATIONS)
    return EXPLANATIONS[name](error)


def verbose_option(command: Callable) -> Callable:
    """Adds `-v`, which shows tracebacks and TensorFlow's messages."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
        ctx.meta[VERBOSE] = value
        return value

    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        callback=remember,
        help="Show tracebacks and TensorFlow's own messages.",
    )(command)


def _own(error: DatKerasError) -> Outcome:
    return _one_line(str(error)), error.exit_code


def _usage(error: BaseException) -> Outcome:
    return _one_line(str(error)), 2


def _signalled(error: RunInterruptedError) -> Outcome:
    return _one_line(str(error)), error.exit_code


def _interrupted(error: BaseException) -> Outcome:
    return "interrupted", 130


def _no_memory(error: BaseException) -> Outcome:
    return "out of memory; try a smaller --batch-size", 1


def _system(error: OSError) -> Outcome:
    what = error.strerror or _one_line(str(error)) or type(error).__name__
    where = f": {error.filename}" if error.filename else ""
    return what + where + ADVICE.get(error.errno or 0, ""), 1


def _tensorflow(error: BaseException) -> Outcome:
    # The message is a stack of file names with the one useful line last.
    text = str(error).split("\n\t [[")[0].rstrip().rsplit("\n", 1)[-1]
    text = text.removeprefix("assertion failed: ")
    # `tf.debugging.Assert` puts each of its values in brackets.
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].replace("] [", " ")
    text = re.sub(r"(?<=\[) | (?=[],])", "", _one_line(text))
    return text, 2


def _unexpected(error: BaseException) -> Outcome:
    text = _one_line(str(error))
    what = type(error).__name__ + (f": {text}" if text else "")
    return f"{what} (unexpected; -v shows the traceback)", 1


EXPLANATIONS: dict[str, Callable[..., Outcome]] = {
    "DatKerasError": _own,
    "InvalidArgumentError": _tensorflow,
    "ResourceExhaustedError": _no_memory,
    "MemoryError": _no_memory,
    "ValueError": _usage,
    "OSError": _system,
    "RunInterruptedError": _signalled,
    "KeyboardInterrupt": _interrupted,
    "BaseException": _unexpected,
}
"""Explanations by name of an error's class."""

ADVICE = {
    errno.ENOSPC: "; nothing was overwritten, free some space and try again",
}
"""What to do about errors of the operating system."""


def _one_line(text: str) -> str:
    """The first paragraph, without line breaks."""
    return masked(" ".join(text.strip().split("\n\n")[0].split()))
