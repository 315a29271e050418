"""Tables, lists and whole reports as HTML fragments."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from dat_keras.utils.text_table import Cells


def listed(lines: Iterable[str], attribute: str = "") -> str:
    """Returns lines as a list.

    Args:
        lines: Text, one item each.
        attribute: An attribute of the list.

    Example:
    >>> listed(["a < b"])
    '<ul><li>a &lt; b</li></ul>'
    """
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul{' ' * bool(attribute)}{attribute}>{items}</ul>"


def table(cells: Cells) -> str:
    """Returns a table whose first row and column are headers.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> "<td>2</td>" in table([["", "b"], ["a", "2"]])
    True
    """
    header, *rows = cells
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def fragment(title: str, cells: Cells, lines: Iterable[str]) -> str:
    """Returns a report as notebooks show it: title, table, sentences.

    Args:
        title: What was measured.
        cells: Rows of text, the header first.
        lines: Findings and cautions; none leave no list.

    Example:
    >>> fragment("4 images", [["attack"], ["fgsm"]], [])[:15]
    '<p>4 images</p>'
    """
    lines = list(lines)
    return (
        f"<p>{escape(title)}</p>{table(cells)}{listed(lines) if lines else ''}"
    )
