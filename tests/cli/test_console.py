"""What a terminal sees and what a file gets."""

import io
import sys
from dataclasses import replace

import pytest

from dat_keras.cli._console import progress, show, show_comparison
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult, Caution


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def report():
    rows = (
        AttackResult("natural", "", (False, False)),
        AttackResult("fgsm", "", (False, True)),
    )
    cautions = (Caution("train_mode", "Look."),)
    return Report(
        rows,
        *("a" * 64, "toy/test", "b" * 64, True, "linf", 0.1, "strict"),
        *(0, 2, cautions, {}),
    )


def test_a_file_gets_plain_text(report, capsys):
    show(report)
    assert capsys.readouterr().out == report.table() + "\n"


def test_a_terminal_gets_a_drawn_table_and_the_cautions(report, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(report)
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
    show_comparison({"a": report, "b": report}, {"a": "a", "b": "b"})
    title, header, *rows, first, second = capsys.readouterr().out.splitlines()
    assert title == report.title()
    assert header.split() == ["model", "natural", "fgsm"]
    assert [row.split()[0] for row in rows] == ["a", "b"]
    assert first.startswith("a: warning") and second.startswith("b: warning")


def table_of(capsys, **reports):
    show_comparison(reports, dict.fromkeys(reports, "net"))
    title, header, *rows = capsys.readouterr().out.splitlines()
    return title, header.split(), [row.split() for row in rows[: len(reports)]]


def test_what_reports_differ_in_is_a_column_and_not_the_title(report, capsys):
    other = replace(report, data="cifar10/test", eps=0.3, norm="l2")
    title, header, rows = table_of(capsys, a=report, b=other)
    assert title == "protocol strict, seed 0"
    assert header == "model data norm eps natural fgsm".split()
    assert rows[0][:7] == "net all 2 of toy/test linf 0.1".split()
    assert rows[1][:7] == "net all 2 of cifar10/test l2 0.3".split()
    assert rows[0][7:] == "100.00 % 50.00 %".split()


def test_a_curve_has_a_column_of_radii(report, capsys):
    other = replace(report, eps=2 / 255)
    title, header, rows = table_of(capsys, a=report, b=other)
    assert title == "all 2 of toy/test, linf, protocol strict, seed 0"
    assert header == "model eps natural fgsm".split()
    assert [row[1] for row in rows] == ["0.1", "2/255"]


def test_other_images_of_the_same_name_are_told_apart(report, capsys):
    other = replace(report, data_fingerprint="c" * 64)
    title, _, rows = table_of(capsys, a=report, b=other)
    assert title == "linf, eps 0.1, protocol strict, seed 0"
    assert rows[0][5] == "(bbbbbbbb)" and rows[1][5] == "(cccccccc)"
