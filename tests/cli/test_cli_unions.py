"""`dat-keras evaluate --norm` with several norms, from options to JSON."""

import json
import shutil

import pytest
from click.testing import CliRunner
from command_errors import assert_refused

from dat_keras.cli import main
from dat_keras.evaluation import unions


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


def test_several_models_have_a_table_each(model_file, tmp_path):
    twin, target = tmp_path / "twin.keras", tmp_path / "r.json"
    shutil.copy(model_file, twin)
    result = run(
        *(model_file, twin, "--dataset", "shapes", "--attack", "fgsm"),
        *("--n-examples", 8, "--norm", "linf,l2", "--json", target),
    )
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    titles = [line for line in lines if "union of linf eps 8/255" in line]
    assert [line.partition(": ")[0] for line in titles] == [
        *(str(model_file), str(twin))
    ]
    written = json.loads(target.read_text())
    first, second = written[str(model_file)], written[str(twin)]
    assert (
        first["union"]["robust_accuracy"]
        == (second["union"]["robust_accuracy"])
    )


@pytest.mark.thorough
def test_an_interrupted_union_goes_on_and_ends_the_same(
    model_file, tmp_path, monkeypatch
):
    """Killed in the second norm; the first one is not run again."""
    model = shutil.copy(model_file, tmp_path / "net.keras")
    command = (
        *(model, "--dataset", "shapes", "--attack", "square"),
        *("--n-examples", 4, "--norm", "linf,l2"),
    )
    whole = run(*command)
    assert whole.exit_code == 0, whole.output
    state = tmp_path / "net.keras.evaluation"
    assert not state.exists()
    evaluate, norms = unions.evaluate, []

    def dying(*args, norm, **options):
        norms.append(norm)
        if norms == ["linf", "l2"]:
            raise KeyboardInterrupt
        return evaluate(*args, norm=norm, **options)

    monkeypatch.setattr(unions, "evaluate", dying)
    assert run(*command).exit_code != 0
    assert (state / "linf" / "evaluation.json").exists()
    refused = run(*command)
    assert refused.exit_code == 2 and "--resume" in refused.stderr
    again = run(*command, "--resume")
    assert again.exit_code == 0, again.output
    assert not state.exists()

    def accuracies(result):
        return [line.split()[:3] for line in result.stdout.splitlines()[1:]]

    assert accuracies(again) == accuracies(whole)


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
        (("--norm", "linf,l2", "--resume"), "--resume continues AutoAttack"),
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


def test_a_report_of_several_norms_is_no_shard(tmp_path):
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"n_examples": 1, "norms": {}, "union": {}}))
    result = CliRunner().invoke(main, ["merge-reports", str(file)])
    assert result.exit_code != 0
    assert "is not the report of a shard" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("union", ["max", "msd", "e-at"])
def test_training_says_why_a_union_cannot_have_st(union, tmp_path):
    arguments = ["train", "--dataset", "shapes", "--method", f"st+{union}"]
    output = ["--output", str(tmp_path / "run")]
    result = CliRunner().invoke(main, [*arguments, *output])
    assert_refused(result, "both sides of the label at once", tmp_path)
