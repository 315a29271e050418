"""Tables in every format, against text written by hand."""

import re

import pytest

from dat_keras.comparison.results_table import Column, ResultsTable
from dat_keras.utils.text_table import latex, plain

# Two seeds of `trades`, one of `a_b`; means and deviations by hand.
TABLE = ResultsTable(
    "toy, seeds 0, 1",
    ("trades", "a_b"),
    (
        Column("natural", ((80.0, 82.0), (81.0,)), highest_wins=True),
        Column("pgd20", ((50.0, 53.0), (49.0,)), highest_wins=True),
        Column("s/step", ((0.1234,), ()), digits=3),
    ),
)

TEXT = """\
toy, seeds 0, 1
method       natural        pgd20  s/step
trades  *81.00±1.41  *51.50±2.12   0.123
a_b          *81.00        49.00       -"""

MARKDOWN = """\
toy, seeds 0, 1

| method | natural | pgd20 | s/step |
|:---|---:|---:|---:|
| trades | **81.00±1.41** | **51.50±2.12** | 0.123 |
| a_b | **81.00** | 49.00 | - |"""

LATEX = r"""% toy, seeds 0, 1
\begin{tabular}{lrrr}
\toprule
method & natural & pgd20 & s/step \\
\midrule
trades & \textbf{81.00$\pm$1.41} & \textbf{51.50$\pm$2.12} & 0.123 \\
a\_b & \textbf{81.00} & 49.00 & - \\
\bottomrule
\end{tabular}"""

CSV = """\
method,natural,natural std,pgd20,pgd20 std,s/step
trades,81.00,1.41,51.50,2.12,0.123
a_b,81.00,,49.00,,"""


def squeezed(text):
    """Without the spaces and rules that align columns."""
    return [
        "".join(re.sub("-{3,}", "---", line).split())
        for line in text.splitlines()
    ]


def test_text_marks_the_best_and_aligns_numbers_to_the_right():
    lines = TABLE.text().splitlines()
    assert squeezed(TABLE.text()) == squeezed(TEXT)
    assert len({len(line) for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("render", "expected"),
    [
        (ResultsTable.markdown, MARKDOWN),
        (ResultsTable.latex, LATEX),
        (ResultsTable.csv, CSV),
    ],
    ids=["markdown", "latex", "csv"],
)
def test_formats(render, expected):
    assert squeezed(render(TABLE)) == squeezed(expected)


def test_latex_escapes_what_it_would_read_as_commands():
    (row,) = [
        line
        for line in latex([["x"], ["5 % of a_b & \\c"]]).splitlines()
        if line.lstrip().startswith("5")
    ]
    assert row.split() == r"5 \% of a\_b \& \textbackslash{}c \\".split()


def test_a_column_of_costs_has_no_best_row():
    assert Column("s/step", ((1.0,), (2.0,))).best() == set()
    assert Column("pgd20", ((), ()), highest_wins=True).best() == set()


def test_text_is_never_read_as_a_number():
    cells = [["seed", "eps"], ["007", "1e-3"], ["nan", ""]]
    assert [line.split() for line in plain(cells).splitlines()] == [
        ["seed", "eps"],
        ["007", "1e-3"],
        ["nan"],
    ]


def test_an_empty_table_is_its_header():
    assert plain([["attack", "accuracy"]]).split() == ["attack", "accuracy"]
