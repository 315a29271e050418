"""Tables of text cells as plain text, Markdown, LaTeX and CSV."""

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
    attack    accuracy
    fgsm           9 %
    """
    return _rendered(cells, "plain")


def ragged(cells: Cells) -> str:
    """Columns aligned with spaces, all to the left: for text, not numbers.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(ragged([["method", "paper"], ["pgd-at", "one"]]))
    method    paper
    pgd-at    one
    """
    return _rendered(cells, "plain", "left")


def markdown(cells: Cells) -> str:
    """The same as a Markdown table.

    Args:
        cells: Rows of text, the header first.

    Example:
    >>> print(markdown([["attack", "accuracy"], ["fgsm", "9 %"]]))
    | attack   |   accuracy |
    |:---------|-----------:|
    | fgsm     |        9 % |
    """
    return _rendered(cells, "pipe")


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
     attack   &   share \\
    \midrule
     fgsm     &   \textbf{9 \%} \\
    \bottomrule
    \end{tabular}
    """
    cells = marked(cells, bold, lambda text: f"{_BOLD}{text}{_END}")
    text = _rendered(cells, "latex_booktabs")
    text = text.replace(_BOLD, r"\textbf{").replace(_END, "}")
    return text.replace("±", r"$\pm$")


_BOLD, _END = "\ue000", "\ue001"
"""Marks that survive the escaping of LaTeX's special characters."""


def _rendered(cells: Cells, style: str, others: str = "right") -> str:
    """The table in a format of `tabulate`, its numbers left as they are."""
    from tabulate import tabulate

    header, *rows = cells
    text = tabulate(
        rows,
        header,
        tablefmt=style,
        disable_numparse=True,
        colalign=("left", *(others,) * (len(header) - 1)),
    )
    return "\n".join(line.rstrip() for line in text.splitlines())
