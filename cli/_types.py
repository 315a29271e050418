"""Types of command-line values."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from dat_keras.utils.overrides import number


class FractionType(click.ParamType):
    """A number, or a fraction such as `8/255`.

    Example:
    >>> FractionType().convert("1/4", None, None)
    0.25
    """

    name = "number"

    def convert(
        self,
        value: str | float,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Returns the value as a float."""
        try:
            return number(str(value))
        except ValueError:
            self.fail(
                f"expected a number or a fraction such as 8/255. "
                f"Received: {value}",
                param,
                ctx,
            )


class NewFile(click.Path):
    """A file to be written, in a folder that exists already.

    A long computation must not end at a misspelt folder.
    """

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Returns the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.absolute().parent.is_dir():
            self.fail(f"there is no folder {path.parent}", param, ctx)
        return path


class Listed(click.ParamType):
    """Values separated by commas.

    Args:
        item: Type of each value.

    Example:
    >>> Listed(click.INT).convert("0, 1", None, None)
    (0, 1)
    """

    name = "list"

    def __init__(self, item: click.ParamType = click.STRING) -> None:
        self.item = item

    def convert(
        self,
        value: str | tuple,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple:
        """Returns the values as a tuple."""
        if isinstance(value, tuple):
            return value
        parts = (part.strip() for part in value.split(","))
        return tuple(self.item.convert(p, param, ctx) for p in parts if p)


@dataclass(frozen=True)
class TrainFlags:
    """The flags of `dat-keras train`.

    Args:
        resume: Continue a run.
        overwrite: Replace a run.
        profile: Profile some steps.
        on_nan: Key of `RunOptions.on_nan`.
        log: Value of `RunOptions.log`.
        distribute: Key of `RunOptions.distribute`.
    """

    resume: bool
    overwrite: bool
    profile: bool
    on_nan: str = "stop"
    log: tuple[str, ...] = ()
    distribute: str = "none"
