"""Summaries and references of the training methods, for tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dat_keras.objectives import OBJECTIVES, UNIONS, Objective

_LINK = re.compile(r"\[([^]]+)\]\((\S+?)\)")


@dataclass(frozen=True)
class Description:
    """One line about a training method.

    Args:
        summary: First line of its docstring.
        paper: Authors and year of its reference; empty if it has none.
        link: Address of the reference.
    """

    summary: str
    paper: str = ""
    link: str = ""

    @classmethod
    def of(cls, objective: type[Objective]) -> Description:
        """Returns what a method's docstring says.

        Args:
            objective: A training method.

        Example:
        >>> Description.of(OBJECTIVES["trades"]).paper
        'Zhang et al., 2019'
        """
        text = objective.__doc__ or ""
        summary = text.strip().partition("\n")[0]
        found = _LINK.search(text.partition("Reference:")[2])
        return cls(summary, *(found.groups() if found else ()))


def methods_table() -> list[list[str]]:
    """The cells of a table of all training methods, its header first.

    Names that begin with a `+` follow that of a method.

    Example:
    >>> methods_table()[0]
    ['method', 'summary', 'paper', 'link']
    """
    rows = [["method", "summary", "paper", "link"]]
    unions = {f"+{name}": union for name, union in UNIONS.items()}
    for name, objective in (OBJECTIVES | unions).items():
        about = Description.of(objective)
        rows.append([name, about.summary, about.paper or "-", about.link])
    return rows
