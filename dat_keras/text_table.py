"""Tables of text cells, for terminals and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence

Cells = Sequence[Sequence[str]]
"""Rows of text, the header first."""


def plain(cells: Cells) -> str:
    """Columns aligned with spaces: the first to the left, the others right.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(plain([["attack", "accuracy"], ["fgsm", "9 %"]]))
    attack  accuracy
    fgsm         9 %
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [
                cell.rjust(width)
                for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
        ).rstrip()
        for row in cells
    )


def markdown(cells: Cells) -> str:
    """The same as a Markdown table.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(markdown([["attack", "accuracy"], ["fgsm", "9 %"]]))
    | attack | accuracy |
    | --- | ---: |
    | fgsm | 9 % |
    """
    header, *rows = cells
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))
