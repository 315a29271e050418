"""What a terminal sees and what a file gets."""

import io
import sys

import pytest

from dat_keras.cli._console import progress, show
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import Caution, Row


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def report():
    rows = (
        Row("natural", "", (False, False)),
        Row("fgsm", "", (False, True)),
    )
    cautions = (Caution("train_mode", "Look."),)
    return Report(
        rows,
        *("a" * 64, "toy/test", "b" * 64, True, "linf", 0.1, "strict"),
        *(0, 2, cautions, {}),
    )


def test_a_file_gets_plain_text(report, capsys):
    show({"net": report})
    assert capsys.readouterr().out == report.table() + "\n"


def test_a_terminal_gets_a_drawn_table_and_the_cautions(report, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    show({"net": report})
    text = sys.stdout.getvalue()
    assert "┃" in text and "50.00 %" in text
    assert "warning: train_mode: Look." in text


def test_a_log_gets_one_line_a_task(capsys):
    with progress() as tell:
        for name in ("natural", "fgsm"):
            for done in (2, 4, 5):
                tell(name, done, 5)
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "natural: 5 images",
        "fgsm: 5 images",
    ]
    assert captured.out == ""


def test_a_terminal_sees_a_bar_a_task(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress() as tell:
        tell("natural", 5, 5)
        tell("fgsm", 2, 5)
        tell("fgsm", 3, 5)
    text = sys.stderr.getvalue()
    assert "natural" in text and "5/5" in text
    assert "fgsm" in text and "3/5" in text and "left" in text


def test_several_reports_make_one_table(report, capsys):
    show({"a": report, "b": report})
    title, header, *rows, first, second = capsys.readouterr().out.splitlines()
    assert title == report.title()
    assert header.split() == ["model", "natural", "fgsm"]
    assert [row.split()[0] for row in rows] == ["a", "b"]
    assert first.startswith("a: warning") and second.startswith("b: warning")
