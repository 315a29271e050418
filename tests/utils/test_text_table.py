"""Tables in every format, against text written by hand."""

import pytest

from dat_keras.comparison.results_table import Column, Standings
from dat_keras.utils.text_table import latex

# Two seeds of `trades`, one of `a_b`; means and deviations by hand.
TABLE = Standings(
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
| --- | ---: | ---: | ---: |
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
    """Without the number of spaces, for columns that are aligned."""
    return [line.split() for line in text.splitlines()]


def test_text_marks_the_best_and_aligns_numbers_to_the_right():
    lines = TABLE.text().splitlines()
    assert squeezed(TABLE.text()) == squeezed(TEXT)
    assert len({len(line) for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("render", "expected"),
    [
        (Standings.markdown, MARKDOWN),
        (Standings.latex, LATEX),
        (Standings.csv, CSV),
    ],
    ids=["markdown", "latex", "csv"],
)
def test_formats(render, expected):
    assert render(TABLE) == expected


def test_latex_escapes_what_it_would_read_as_commands():
    (row,) = [
        line
        for line in latex([["x"], ["5 % of a_b & \\c"]]).splitlines()
        if line.startswith("5")
    ]
    assert row == r"5 \% of a\_b \& \textbackslash{}c \\"


def test_nobody_wins_a_column_of_costs():
    assert Column("s/step", ((1.0,), (2.0,))).best() == set()
    assert Column("pgd20", ((), ()), highest_wins=True).best() == set()
