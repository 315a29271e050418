"""`dat-keras compare-reports`, from files to a table."""

import json

import pytest
from click.testing import CliRunner

from dat_keras.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def report(broken, **fields):
    results = {
        name: {"name": name, "settings": "", "broken": flags}
        for name, flags in broken.items()
    }
    return {
        "model": {"sha256": "0"},
        "data": {"name": "toy/test", "sha256": "1"},
        **{"n_examples": 10, "whole": True, "norm": "linf", "eps": 8 / 255},
        **{"protocol": "strict", "attacks": results, **fields},
    }


OLD = report({"natural": [0], "pgd20": [0, 1, 2, 3, 4, 5, 6]})
NEW = report({"natural": [1], "pgd20": [6]})


@pytest.fixture
def files(tmp_path):
    def written(**contents):
        paths = []
        for name, content in contents.items():
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(content))
        return paths

    return written


def test_two_files_make_a_table(files, tmp_path):
    out = tmp_path / "out.json"
    result = run("compare-reports", *files(old=OLD, new=NEW), "--json", out)
    assert result.exit_code == 0, result.output
    title, header, natural, pgd20, note = result.stdout.splitlines()
    assert title.startswith("differences from old, all 10 images of toy/test")
    assert header.split()[:3] == ["model", "attack", "accuracy"]
    assert natural.split()[:2] == ["new", "natural"]
    assert "90.00 %" in pgd20 and "+60.00" in pgd20
    # Six images that one alone gets right: 2 / 2**6.
    assert pgd20.split()[-3:] == ["6", "0", "0.031"]
    assert "not corrected for the 2 comparisons" in note
    saved = json.loads(out.read_text())
    assert saved["baseline"] == "old"
    assert saved["differences"][1]["alone"] == 6
    assert saved["differences"][1]["p_value"] == pytest.approx(1 / 32)


def test_runs_are_compared_checkpoint_by_checkpoint(tmp_path):
    for name, best, last in (("a-seed0", OLD, OLD), ("b-seed0", NEW, OLD)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "evaluation.json"
        path.write_text(json.dumps({"reports": {"best": best, "last": last}}))
    result = run("compare-reports", tmp_path / "a-seed0", tmp_path / "b-seed0")
    assert result.exit_code == 0, result.output
    best, last = result.stdout.split("differences from")[1:]
    assert best.startswith(" a-seed0 best") and "b-seed0 best" in best
    assert "+60.00" in best and "+60.00" not in last


def test_several_norms_are_compared_one_by_one(files):
    both = {"norms": {"linf": OLD, "l2": {**OLD, "norm": "l2"}}, "unions": {}}
    result = run("compare-reports", *files(a=both, b=both))
    assert result.exit_code == 0, result.output
    assert "a l2" in result.stdout and "a linf" in result.stdout


@pytest.mark.parametrize(
    ("other", "code", "line"),
    [
        ({"best": NEW, "last": NEW}, 2, "other holds other reports"),
        ({**NEW, "eps": 4 / 255}, 2, "eps differ"),
        ({}, 6, "holds no report"),
        ([], 6, "holds no report"),
        ({"attacks": {}}, 6, "holds no report"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(files, other, code, line):
    result = run("compare-reports", *files(old=OLD, other=other))
    assert result.exit_code == code, result.output
    assert line in result.stderr and "Traceback" not in result.stderr


def test_a_report_given_twice_is_refused(files):
    (path,) = files(old=OLD)
    result = run("compare-reports", path, path)
    assert result.exit_code == 2 and "given twice" in result.stderr


def test_a_folder_without_an_evaluation_is_refused(files, tmp_path):
    (path,) = files(old=OLD)
    result = run("compare-reports", path, tmp_path)
    assert result.exit_code == 6 and "evaluation.json" in result.stderr
