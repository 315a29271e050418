"""`dat-keras report` from its arguments to its page."""

import pytest
from click.testing import CliRunner
from command_errors import assert_refused, assert_refused_early
from small_runs import NATURAL

from dat_keras.cli import main
from dat_keras.training.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny run."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    train(NATURAL, path)
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_a_run_becomes_a_page(trained, tmp_path):
    out = tmp_path / "report.html"
    sizes = ("--n-examples", 12, "--n-bisected", 2)
    more = ("--distances", "fmn", "--corruptions", "fog", "--severities", "3")
    norms = ("--norm", "l2,linf", "--eps", "linf=4/255", "--certify")
    smoothing = ("smoothing", "--sigma", "0.25", "--draws", 20)
    result = run(trained, *sizes, *more, *norms, *smoothing, "-o", out)
    assert result.exit_code == 0, result.output
    assert "the first 12 images of shapes" in result.stdout
    assert result.stderr.splitlines()[-1] == f"wrote {out}"
    text = out.read_text()
    for key in ("training", "radius", "classes", "images", "cost", "recipe"):
        assert f'id="{key}"' in text
    for key in ("distances", "corruptions", "norms", "certificates"):
        assert f'id="{key}"' in text
    assert "l2 eps 0.5, linf eps 4/255, protocol strict" in text
    assert "val_robust_accuracy" in text
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--norm", "l3"), "Unknown norm 'l3'"),
        (("--eps", "8"), "Did you mean 8/255?"),
        (("--eps", "0"), "`eps` must be above 0"),
        (("--dataset", "shapse"), "Did you mean 'shapes'?"),
        (("--n-examples", "9999"), "must be in [1, 2000]"),
        (("--distances", "fmn,pgd20"), "Unknown minimum-norm attack 'pgd20'"),
        (("--corruptions", "smog"), "Unknown corruption 'smog'"),
        (("--severities", "3"), "--severities needs --corruptions"),
        (("--eps", "1/255,2/255"), "takes one --eps"),
        (("--norm", "linf,l2", "--eps", "1/255"), "by its name"),
        (("--norm", "linf,l3"), "Unknown norm 'l3'"),
        (
            ("--certify", "ibp", "--norm", "l2"),
            "--certify ibp needs --norm linf",
        ),
        (("--certify", "smoothing", "--norm", "l2"), "needs --sigma"),
        (("--sigma", "0.5"), "--sigma needs --certify smoothing"),
        (("--transfer",), "--transfer takes two or more"),
        (
            ("--eot", "2", "--corruptions", "fog"),
            "--corruptions takes no --eot",
        ),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(
    trained, tmp_path, arguments, line
):
    result = run(trained, *arguments, "-o", tmp_path / "a.html")
    assert_refused(result, line, tmp_path)


def test_what_is_wrong_is_said_before_tensorflow_is_loaded(tmp_path):
    out = tmp_path / "none" / "report.html"
    line = "there is no folder"
    assert_refused_early(line, "report", "cifar10-dat-resnet18-w16", "-o", out)
