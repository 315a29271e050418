"""`dat-keras compare` and `dat-keras list --methods`, as they are typed."""

import json

import pytest
from click.testing import CliRunner

from dat_keras.cli import _comparing, main
from dat_keras.cli._names import ARCHITECTURES
from dat_keras.comparison.further_measures import FurtherMeasures
from dat_keras.objectives import OBJECTIVES, UNIONS


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_every_method_has_a_line_with_its_paper():
    result = run("list", "--methods")
    assert result.exit_code == 0, result.output
    header, *lines = result.stdout.splitlines()
    names = [*OBJECTIVES, *(f"+{name}" for name in UNIONS)]
    assert [line.split()[0] for line in lines] == names
    (line,) = (line for line in lines if line.startswith("trades"))
    assert "Clean cross-entropy plus the divergence" in line
    assert "Zhang et al., 2019" in line
    assert line.endswith("https://arxiv.org/abs/1901.08573")
    told = json.loads(run("list", "--methods", "--json").stdout)
    assert [row["method"] for row in told["methods"]] == names
    assert run("list", "--methods", "--remote").exit_code == 2


def test_list_architectures_names_those_of_keras_cv():
    told = json.loads(run("list", "--architectures", "--json").stdout)
    rows = {row["architecture"]: row["from"] for row in told["architectures"]}
    assert tuple(rows) == ARCHITECTURES
    assert rows["resnet8"] == "dat-keras"
    assert rows["keras_cv/resnet50"] == "keras-cv"


def test_options_make_the_grid(tmp_path, monkeypatch):
    asked = {}

    def compare(grid, output, **options):
        asked.update(options, grid=grid, output=output)
        raise ValueError("enough")

    monkeypatch.setattr(_comparing, "compare", compare)
    result = run(
        *("compare", "--methods", "natural, dat", "--seeds", "0,3"),
        *("--epochs", 4, "--limit", 32, "--attack", "pgd20"),
        *("--validation-images", 50),
        *("--checkpoint", "best,last", "--n-examples", 9, "--resume"),
        *("--certify", "ibp", "--corruptions", "fog", "--severities", "2"),
        "--transfer",
        *("--norm", "linf,l2", "--eps", "l2=1"),
        *("--set", "dat:objective.beta=2", "--data-dir", tmp_path),
    )
    assert "enough" in result.stderr and result.exit_code == 2
    grid = asked["grid"]
    assert (grid.labels, grid.seeds) == (("natural", "dat"), (0, 3))
    assert (grid.attacks, grid.n_examples) == (("pgd20",), 9)
    assert grid.checkpoints == ("best", "last")
    assert grid.norms.radii == (("linf", 8 / 255), ("l2", 1.0))
    assert grid.further == FurtherMeasures("ibp", ("fog",), (2,), transfer=True)
    assert [(r.epochs, r.limit) for r in grid.recipes] == [(4, 32)] * 2
    assert [r.validation_images for r in grid.recipes] == [50] * 2
    assert grid.recipes[1].objective.beta == 2.0
    assert asked["output"].as_posix() == "runs/shapes-compare"
    assert asked["data_dir"] == tmp_path and asked["options"].resume


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "tradess"], "Did you mean 'trades'"),
        (["--methods", ""], "Give --methods, --recipe or --row"),
        (["--methods", "dat", "--attack", "pgd2O"], "Did you mean 'pgd20'"),
        (["--methods", "dat", "--seeds", "a"], "--seeds"),
        (["--methods", "dat", "--checkpoint", "lst"], "Did you mean 'last'"),
        (["--methods", "dat", "--set", "betta=1"], "Did you mean 'beta'"),
        (["--methods", "dat", "--corruptions", "fgo"], "Did you mean 'fog'"),
        (["--methods", "dat", "--severities", "2"], "needs --corruptions"),
        (["--methods", "dat", "--norm", "linf,l3"], "Unknown norm 'l3'"),
        (["--methods", "dat", "--norm", "l2", "--eps", "1"], "by its name"),
        (
            ["--methods", "dat", "--norm", "l2", "--certify", "ibp"],
            "needs linf in --norm",
        ),
        (["--methods", "dat", "--certify", "ipb"], "crown-ibp"),
        (["--methods", "dat", "--transfer"], "--transfer needs two rows"),
        (["--methods", "dat", "--eot", "0"], "--eot"),
        (
            ["--methods", "dat", "--eot", "2", "--corruptions", "fog"],
            "--eot takes no --corruptions",
        ),
        (["--methods", "dat", "--workers", "0"], "`workers` must be between 1"),
    ],
)
def test_typos_get_one_line_and_leave_nothing(arguments, message, tmp_path):
    output = tmp_path / "grid"
    result = run("compare", *arguments, "--output", output)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not output.exists()


@pytest.mark.slow
def test_a_grid_from_the_command_line_in_processes(colours, tmp_path):
    result = run(
        *("compare", "--dataset", colours, "--methods", "natural,trades"),
        *("--architecture", "resnet8", "--epochs", 1, "--batch-size", 8),
        *("--set", "width=2", "--set", "eval_attack.steps=1"),
        *("--set", "trades:objective.attack.steps=1", "--attack", "fgsm"),
        *("--output", tmp_path / "grid"),
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == (tmp_path / "grid" / "table.txt").read_text()
    assert "run 2 of 2: trades-seed0" in result.stderr
