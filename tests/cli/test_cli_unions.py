"""`dat-keras evaluate --norm` with several norms, from options to JSON."""

import json

import pytest
from click.testing import CliRunner

from dat_keras.cli import main


def run(*arguments):
    arguments = ["evaluate", *(str(a) for a in arguments)]
    return CliRunner().invoke(main, arguments)


def test_a_row_for_each_norm_and_their_union(model_file, tmp_path):
    target = tmp_path / "r.json"
    result = run(
        *(model_file, "--dataset", "shapes", "--attack", "fgsm"),
        *("--n-examples", 20, "--norm", "linf,l1", "--eps", "linf=1/255"),
        *("--json", target),
    )
    assert result.exit_code == 0, result.output
    assert "union of linf eps 1/255, l1 eps 12" in result.stdout
    rows = [line.split()[:2] for line in result.stdout.splitlines()[2:]]
    assert rows[1:4] == [["fgsm", "linf"], ["fgsm", "l1"], ["fgsm", "union"]]
    written = json.loads(target.read_text())
    assert list(written["norms"]) == ["linf", "l1"]
    assert "fgsm" in written["union"]["attacks"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--norm", "linf,l3"), "Unknown norm 'l3'"),
        (("--norm", "l2,l2"), "given twice"),
        (("--norm", "linf,l2", "--eps", "0.1,0.2"), "by its name"),
        (("--norm", "linf,l2", "--eps", "l1=1"), "Received: l1"),
        (("--norm", "linf,l2", "--eps", "linf=8"), "Did you mean 8/255?"),
        (("--norm", "linf,l2", "--eps", "linf=1/255,l2"), "one radius for"),
        (("--norm", "linf", "--eps", "linf=1/255"), "several in --norm"),
        (("--norm", "linf,l2", "--shard", "1/2"), "--shard takes one --norm"),
        (("--norm", "linf,l2", "--resume"), "--resume takes one --norm"),
        (("--norm", "linf,l2", "--certify", "ibp"), "takes one --norm"),
        (("--norm", "linf,l2", "--corruptions", "fog"), "takes one --norm"),
        (
            ("--norm", "linf,l2", "--robustbench", "entry.json"),
            "--robustbench takes one --norm",
        ),
        (
            ("--norm", "linf,l2", "--save-adversarial", "x.npz"),
            "--save-adversarial takes one --norm",
        ),
        (
            ("--norm", "linf,l2", "--attack", "fmn", "--eps-curve"),
            "--eps-curve takes one --norm",
        ),
        (("--norm", "linf,l2", "other"), "takes one model"),
    ],
)
def test_what_takes_one_norm_or_is_ambiguous_is_refused(
    model_file, tmp_path, monkeypatch, options, line
):
    monkeypatch.chdir(tmp_path)
    result = run(model_file, "--dataset", "shapes", *options)
    assert result.exit_code == 2
    assert line in result.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
