"""Tables of text cells, for terminals, Markdown, LaTeX and machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Sequence

Cells = Sequence[Sequence[str]]
"""Rows of text, the header first."""
Places = Collection[tuple[int, int]]
"""Rows, the header being 0, and columns of some cells."""


def plain(cells: Cells) -> str:
    """Columns aligned with spaces: the first to the left, the others right.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(plain([["attack", "accuracy"], ["fgsm", "9 %"]]))
    attack  accuracy
    fgsm         9 %
    """
    return _aligned(cells, str.rjust)


def ragged(cells: Cells) -> str:
    """Columns aligned with spaces, all to the left: words, not numbers.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(ragged([["method", "paper"], ["pgd-at", "one"]]))
    method  paper
    pgd-at  one
    """
    return _aligned(cells, str.ljust)


def _aligned(cells: Cells, align: Callable[[str, int], str]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [
                align(cell, width)
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


def marked(
    cells: Cells, places: Places, mark: Callable[[str], str]
) -> list[list[str]]:
    """The cells, some of them marked.

    Args:
        cells: Rows of text, the header first.
        places: Which cells to mark.
        mark: Returns the marked text of a cell.

    Example:
    >>> marked([["attack"], ["fgsm"]], {(1, 0)}, lambda text: f"*{text}")
    [['attack'], ['*fgsm']]
    """
    return [
        [mark(cell) if (r, c) in places else cell for c, cell in enumerate(row)]
        for r, row in enumerate(cells)
    ]


def comma_separated(cells: Cells) -> str:
    """The same as CSV.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(comma_separated([["attack", "by"], ["fgsm", "a, b"]]))
    attack,by
    fgsm,"a, b"
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue().rstrip("\n")


def latex(cells: Cells, bold: Places = ()) -> str:
    r"""The same as a LaTeX `tabular`, with rules of the `booktabs` package.

    Args:
        cells: Rows of text, the header first.
        bold: Which cells are set in bold.

    Example:
    >>> print(latex([["attack", "share"], ["fgsm", "9 %"]], {(1, 1)}))
    \begin{tabular}{lr}
    \toprule
    attack & share \\
    \midrule
    fgsm & \textbf{9 \%} \\
    \bottomrule
    \end{tabular}
    """
    safe = [[cell.translate(_LATEX) for cell in row] for row in cells]
    cells = marked(safe, bold, lambda text: rf"\textbf{{{text}}}")
    header, *rows = [" & ".join(row) + r" \\" for row in cells]
    columns = "l" + "r" * (len(cells[0]) - 1)
    lines = (
        rf"\begin{{tabular}}{{{columns}}}",
        *(r"\toprule", header, r"\midrule", *rows, r"\bottomrule"),
        r"\end{tabular}",
    )
    return "\n".join(lines)


_LATEX = {
    **{ord(c): rf"\{c}" for c in "&%$#_{}"},
    ord("±"): r"$\pm$",
    ord("~"): r"\textasciitilde{}",
    ord("^"): r"\textasciicircum{}",
    ord("\\"): r"\textbackslash{}",
}
