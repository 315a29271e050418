"""Grids of rows and seeds: trained, killed, resumed, refused."""

import csv
import dataclasses
import io
import json
import os
import pickle
import shutil
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dat_keras.cli._console import progress
from dat_keras.comparison import grid_run as grid_runs
from dat_keras.comparison import grid_transfer
from dat_keras.comparison.compare import compare
from dat_keras.comparison.further_measures import FurtherMeasures
from dat_keras.comparison.grid import grid_of
from dat_keras.comparison.grid_folder import claim_folder
from dat_keras.comparison.grid_run import RunResult, train_and_evaluate
from dat_keras.comparison.grid_table import LEGEND, table_of
from dat_keras.comparison.measured_norms import MeasuredNorms
from dat_keras.comparison.row_spec import RowSpec
from dat_keras.data import load_split
from dat_keras.evaluation.certify import certify
from dat_keras.evaluation.corruptions import evaluate_corruptions
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.progress import silent
from dat_keras.evaluation.transfer import TransferMatrix, transfer_matrix
from dat_keras.evaluation.unions import evaluate_union
from dat_keras.profiling.pass_counts import Passes
from dat_keras.recipes import RECIPES
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.run_info import load_classifier
from dat_keras.utils.errors import (
    DamagedFileError,
    RunFolderError,
    RunInterruptedError,
)
from dat_keras.utils.files import contents
from dat_keras.utils.locks import locked

SETTINGS = (
    *("width=2", "eval_attack.steps=1"),
    "pgd-at:objective.attack.steps=1",
)


def here(function, *args):
    """Trains a run in this process."""
    function(*args)


def small(colours, methods=("natural", "pgd-at"), **rest):
    choice = {
        "dataset": str(colours),
        "architecture": "resnet8",
        "epochs": 1,
        "batch_size": 8,
    }
    fields = {"seeds": (0, 1), "attacks": ("fgsm",)} | rest
    settings = [s for s in SETTINGS if ":" not in s or "pgd-at" in methods]
    return grid_of(methods, choice, settings, **fields)


@pytest.fixture(scope="module")
def finished(colours, tmp_path_factory):
    """A whole grid, its folder and its table."""
    output = tmp_path_factory.mktemp("grids") / "whole"
    grid = small(colours, checkpoints=("best", "last"))
    return grid, output, compare(grid, output, run=here)


def accuracies(table):
    return [row[:3] for row in table.cells()]


def test_the_table_has_a_row_for_each_method_and_checkpoint(finished):
    _, _, table = finished
    header, *rows = table.cells()
    measures = ["natural", "fgsm", "s/step", "s/epoch", "F", "Bi", "Bw", "MiB"]
    assert header == ["method", *measures]
    assert [row[0] for row in rows] == [
        *("natural (best)", "natural (last)"),
        *("pgd-at (best)", "pgd-at (last)"),
    ]
    assert [row[5:8] for row in rows[1:3]] == [
        ["1.0", "0.0", "1.0"],
        ["2.0", "1.0", "1.0"],
    ]
    assert all(float(row[3]) > 0 and int(row[8]) > 100 for row in rows)


def test_accuracies_are_those_of_the_runs_reports(finished):
    grid, output, table = finished
    per_seed = [
        json.loads(one.result.read_text())["reports"]["last"]["attacks"]
        for one in grid.runs(output)
        if one.label == "pgd-at"
    ]
    a, b = (100 * found["fgsm"]["accuracy"] for found in per_seed)
    std = abs(a - b) / 2**0.5
    expected = f"{(a + b) / 2:.2f}±{std:.2f}"
    assert table.cells()[4][2] == expected


def test_the_table_is_written_in_four_formats(finished):
    _, output, table = finished
    written = {p.suffix: p.read_text() for p in output.glob("table.*")}
    assert written == {
        ".txt": f"{table.text()}\n",
        ".md": f"{table.markdown()}\n",
        ".csv": f"{table.csv()}\n",
        ".tex": f"{table.latex()}\n",
    }
    rows = list(csv.DictReader(io.StringIO(written[".csv"])))
    assert [row["method"] for row in rows] == list(table.names)


def test_two_runs_at_a_time_end_with_the_accuracies_of_one(
    colours, finished, tmp_path
):
    _, _, table = finished
    grid = small(colours, checkpoints=("best", "last"))
    begun, both = [], threading.Barrier(2)

    def together(function, one, *args):
        begun.append(one.name)
        # Ends only if two runs are at work.
        both.wait(timeout=60)
        with training:
            function(one, *args)

    # Keras' settings are those of a process, which two runs share here alone.
    training = threading.Lock()
    other = compare(grid, tmp_path, workers=2, run=together)
    assert accuracies(other) == accuracies(table)
    assert len(begun) == 4


def test_after_a_failure_no_further_run_begins(colours, tmp_path):
    grid, begun = small(colours), []

    def failing(function, one, *args):
        begun.append(one.name)
        raise DamagedFileError("the second is damaged")

    with pytest.raises(DamagedFileError, match="the second"):
        compare(grid, tmp_path, workers=1, run=failing)
    assert begun == ["natural-seed0"]


@pytest.mark.thorough
def test_a_killed_grid_goes_on_and_ends_the_same(
    colours, finished, tmp_path, monkeypatch
):
    whole, folder, _ = finished
    grid = small(colours, ("natural",), checkpoints=("best", "last"))
    calls = []

    def dying(*args, **options):
        calls.append(options)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(*args, **options)

    evaluate = grid_runs.evaluate
    monkeypatch.setattr(grid_runs, "evaluate", dying)
    with pytest.raises(KeyboardInterrupt):
        compare(grid, tmp_path, run=here)
    first, second = grid.runs(tmp_path)
    assert first.result.exists() and not second.result.exists()
    trained = (second.folder / "last.safetensors").stat().st_mtime_ns
    before = first.result.read_bytes()
    said = []
    options = RunOptions(resume=True, say=said.append)
    table = compare(grid, tmp_path, options=options, run=here)
    assert said[:2] == [
        "run 1 of 2: natural-seed0, finished before",
        "run 2 of 2: natural-seed1",
    ]
    assert first.result.read_bytes() == before
    assert (second.folder / "last.safetensors").stat().st_mtime_ns == trained
    results = {
        "natural": [
            RunResult.read(one.result)
            for one in whole.runs(folder)
            if one.label == "natural"
        ]
    }
    assert accuracies(table) == accuracies(table_of(grid, results))


def test_a_folder_is_used_by_one_grid_only(colours, tmp_path):
    grid = small(colours)

    def prepare(grid, **flags):
        with claim_folder(grid, tmp_path, **flags):
            pass

    prepare(grid)
    # Nothing was trained yet, so nothing is lost.
    prepare(grid)
    (tmp_path / "natural-seed0").mkdir()
    with pytest.raises(RunFolderError, match="--resume or --overwrite"):
        prepare(grid)
    prepare(grid, resume=True)
    other = dataclasses.replace(grid, seeds=(0, 2), n_examples=5)
    with pytest.raises(RunFolderError, match="seeds and n_examples differ"):
        prepare(other, resume=True)
    prepare(other, overwrite=True)
    assert [p.name for p in contents(tmp_path)] == ["grid.json"]
    (tmp_path / "grid.json").write_text("[]")
    with pytest.raises(DamagedFileError, match=r"grid\.json"):
        prepare(grid, resume=True)


@pytest.mark.parametrize("flag", ["resume", "overwrite"])
def test_two_comparisons_do_not_share_a_folder(flag, colours, tmp_path):
    grid, options = small(colours), RunOptions(**{flag: True})
    with claim_folder(grid, tmp_path):
        before = (tmp_path / "grid.json").stat().st_ino
        with pytest.raises(RunFolderError, match="another process is at work"):
            compare(grid, tmp_path, options=options, run=here)
    assert (tmp_path / "grid.json").stat().st_ino == before
    with claim_folder(grid, tmp_path, **{flag: True}):
        pass


def test_a_cell_that_another_process_works_in_is_left_alone(colours, tmp_path):
    one = next(small(colours).runs(tmp_path))
    one.folder.mkdir()
    (one.folder / "recipe.json").write_text("theirs")
    with (
        locked(one.folder),
        pytest.raises(RunFolderError, match="another process is at work"),
    ):
        train_and_evaluate(one, None, RunOptions())
    assert (one.folder / "recipe.json").read_text() == "theirs"


def test_what_a_killed_start_left_is_no_obstacle(colours, tmp_path):
    one = next(small(colours, seeds=(0,)).runs(tmp_path))
    one.folder.mkdir()
    (one.folder / ".recipe.json.7-7").write_text("{")
    told = []

    @contextmanager
    def display():
        told.append("opened")
        yield lambda *progress: told.append(progress)
        told.append("closed")

    train_and_evaluate(one, None, RunOptions(), display)
    # Progress of the evaluation of the one checkpoint, inside the display.
    assert told[0] == "opened" and told[-1] == "closed"
    assert ("best: natural", 12, 12) in told
    assert one.result.exists()
    assert not (one.folder / ".recipe.json.7-7").exists()


def test_resuming_begins_a_grid_that_is_not_there(colours, tmp_path):
    grid, output = small(colours), tmp_path / "new"
    with claim_folder(grid, output, resume=True):
        assert (output / "grid.json").exists()
    with claim_folder(grid, output, resume=True):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with (
        pytest.raises(RunFolderError, match="other files"),
        claim_folder(grid, tmp_path / "other", resume=True),
    ):
        pass


@pytest.mark.parametrize("display", [progress, silent])
def test_a_display_reaches_the_process_of_a_run(display):
    assert pickle.loads(pickle.dumps(display)) is display


def test_other_files_are_never_removed(colours, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunFolderError, match="other files"):
        compare(
            small(colours),
            tmp_path,
            options=RunOptions(overwrite=True),
            run=here,
        )
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attacks": ("fgms",)}, "Did you mean 'fgsm'"),
        ({"checkpoints": ("bets",)}, "Did you mean 'best'"),
        ({"seeds": ()}, "`seeds` must hold at least one"),
        ({"seeds": (1, 1)}, "no value twice"),
        ({"seeds": (0, -1)}, "`seeds` must be at least 0"),
        ({"labels": ("natural",)}, "one recipe a row"),
    ],
)
def test_grids_are_checked_before_anything_runs(colours, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(small(colours), **change)


def test_settings_reach_all_methods_or_one():
    settings = ("epochs=3", "trades:objective.beta=2")
    grid = grid_of(("natural", "trades", "dat"), {}, settings)
    assert [recipe.epochs for recipe in grid.recipes] == [3, 3, 3]
    betas = [recipe.objective.beta for recipe in grid.recipes[1:]]
    assert betas == [2.0, 6.0]
    with pytest.raises(ValueError, match="Available: trades$"):
        grid_of(("trades",), {}, ("tradse:objective.beta=2",))
    both = grid_of(("trades", "trades+awp"), {}, ("trades+awp:gamma=0.1",))
    assert [r.weight_perturbation.gamma for r in both.recipes] == [0.0, 0.1]


def test_what_was_refused_can_be_said_again(colours, tmp_path):
    grid = small(colours, ("natural",), seeds=(0,))
    vast = dataclasses.replace(grid.recipes[0], batch_size=1000)
    refused = dataclasses.replace(grid, recipes=(vast,))
    with pytest.raises(ValueError, match="`batch_size` must be at most"):
        compare(refused, tmp_path, run=here)
    with claim_folder(grid, tmp_path):
        pass


def unmeasured(images):
    """The result of a run whose time was not measured."""
    report = {
        **{"whole": False, "n_examples": images},
        **{"norm": "linf", "eps": 8 / 255},
        "attacks": {"natural": {"accuracy": 0.75}},
        "warnings": [],
    }
    return RunResult({"best": report}, {}, Passes(1, 0, 1), None, 3, 2**20)


@pytest.mark.parametrize(
    ("epochs", "images", "seeds", "title"),
    [
        (1, 1, (3,), "1 epoch, the first 1 test image, linf eps 8/255, seed 3"),
        (
            *(2, 4, (0, 1)),
            "2 epochs, the first 4 test images, linf eps 8/255, seeds 0, 1",
        ),
    ],
)
def test_the_title_counts_in_words(epochs, images, seeds, title):
    choice = {"epochs": epochs}
    grid = grid_of(("natural",), choice, attacks=("natural",), seeds=seeds)
    cells = [unmeasured(images)] * len(seeds)
    table = table_of(grid, {"natural": cells})
    assert table.title == f"shapes, resnet8, {title}"


def test_costs_that_were_not_measured_stay_empty():
    grid = grid_of(("natural",), {}, attacks=("natural",))
    table = table_of(grid, {"natural": [unmeasured(4)]})
    assert table.cells()[1] == [
        "natural",
        "75.00",
        "-",
        "-",
        *"1.0 0.0 1.0 1".split(),
    ]


def test_cautions_of_evaluations_stand_below_the_table():
    grid = grid_of(("natural", "pgd-at"), {}, attacks=("natural",))
    masked, wrong = (
        {"code": "masking", "advice": "Square broke more."},
        {"code": "verify_fail", "advice": "Outside.", "level": "error"},
    )
    one, other, both = unmeasured(4), unmeasured(4), unmeasured(4)
    one.reports["best"]["warnings"] = [masked]
    # Of several norms they are in the report of each.
    both.reports["best"] = {
        "norms": {
            "linf": {**unmeasured(4).reports["best"], "warnings": [wrong]},
            "l2": other.reports["best"],
        }
    }
    table = table_of(grid, {"natural": [one, one, other], "pgd-at": [other]})
    assert table.notes[1:] == ("warning: natural: masking: Square broke more.",)
    assert table.text().endswith(table.notes[1])
    assert table.notes[1] in table.markdown()
    assert [str(c) for c in both.cautions("best")] == [
        "error: verify_fail: Outside."
    ]


def test_further_measures_are_columns(colours, tmp_path):
    """And equal what is measured of the run itself."""
    further = FurtherMeasures("ibp", ("contrast", "pixelate"), (2,))
    grid = small(
        colours, ("natural",), seeds=(0,), attacks=("natural",), further=further
    )
    table = compare(grid, tmp_path, run=here)
    header, row = table.cells()
    assert header[1:4] == ["natural", "certified (ibp)", "corrupted"]
    (one,) = grid.runs(tmp_path)
    model = load_classifier(one.folder, "best").model
    test = load_split(str(colours), "test")
    certified = certify(model, test).certificate.accuracy
    error = evaluate_corruptions(
        model, test, "contrast,pixelate", (2,)
    ).mean_corruption_error()
    assert row[2:4] == [f"{100 * v:.2f}" for v in (certified, 1 - error)]


def test_several_norms_are_columns_with_their_union(colours, tmp_path):
    """And equal what `evaluate_union` measures of the run."""
    norms = MeasuredNorms.of(("linf", "l1"), {"linf": 2 / 255})
    grid = small(
        colours,
        ("natural",),
        seeds=(0,),
        norms=norms,
        further=FurtherMeasures("ibp"),
    )
    table = compare(grid, tmp_path, run=here)
    assert "union of linf eps 2/255, l1 eps 12" in table.title
    header, row = table.cells()
    names = ["natural", "fgsm linf", "fgsm l1", "fgsm union"]
    assert header[1:6] == [*names, "certified (ibp)"]
    (one,) = grid.runs(tmp_path)
    model = load_classifier(one.folder, "best").model
    union = evaluate_union(
        model,
        load_split(str(colours), "test"),
        "fgsm",
        norm="linf,l1",
        eps={"linf": 2 / 255},
    )
    expected = [
        union["natural"].accuracy,
        *(report["fgsm"].accuracy for report in union.reports.values()),
        union["fgsm"].accuracy,
    ]
    assert row[1:5] == [f"{100 * value:.2f}" for value in expected]
    with pytest.raises(RunFolderError, match="norms differ"):
        compare(
            dataclasses.replace(grid, norms=MeasuredNorms()),
            tmp_path,
            options=RunOptions(resume=True),
            run=here,
        )


def test_distances_of_several_norms_and_averaged_passes(colours, tmp_path):
    """And equal what `evaluate` measures of the run."""
    grid = small(
        colours,
        ("natural",),
        seeds=(0,),
        attacks=("natural", "fmn"),
        norms=MeasuredNorms.of(("linf", "l2")),
        further=FurtherMeasures(eot=2),
    )
    table = compare(grid, tmp_path, run=here)
    assert "means of 2 passes" in table.title
    header, row = table.cells()
    columns = ["fmn linf distance/255", "fmn l2 distance"]
    places = [header.index(column) for column in columns]
    (one,) = grid.runs(tmp_path)
    model = load_classifier(one.folder, "best").model
    test = load_split(str(colours), "test")
    for place, norm, unit in zip(places, ("linf", "l2"), (255, 1), strict=True):
        report = evaluate(model, test, "fmn", norm=norm, eot=2)
        median = report["fmn"].distances.median
        assert row[place] == f"{unit * median:.2f}"
    # The net is not random: that passes are averaged shows in the settings.
    reports = json.loads(one.result.read_text())["reports"]["best"]["norms"]
    for report in reports.values():
        assert report["attacks"]["fmn"]["settings"].startswith("EOT(")


def test_rows_are_measured_on_the_images_of_all(colours, tmp_path):
    """And equal the matrix of the runs themselves."""
    grid = small(colours, seeds=(1,), further=FurtherMeasures(transfer=True))
    header, *rows = compare(grid, tmp_path, run=here).cells()
    models = {
        one.label: load_classifier(one.folder, "best").model
        for one in grid.runs(tmp_path)
    }
    test = load_split(str(colours), "test")
    matrix = transfer_matrix(models, test, seed=1)
    place = header.index("transfer")
    assert [row[place] for row in rows] == [
        f"{100 * share:.2f}" for share in matrix.worst_case
    ]
    written = json.loads((tmp_path / "transfer-best-seed1.json").read_text())
    assert written == json.loads(json.dumps(matrix.to_json()))
    with pytest.raises(ValueError, match="needs two rows"):
        small(colours, ("natural",), further=FurtherMeasures(transfer=True))


def test_a_row_has_its_column_of_the_matrix(colours, monkeypatch, tmp_path):
    asked = []

    def matrix(models, data, attack, *, norm, eps, n_examples, seed):
        asked.append((*models, attack, norm, eps, n_examples, seed))
        # Images of the first row break half of the second, no others any.
        broken = np.zeros((2, 2, 4), bool)
        broken[0, 1, :2] = True
        natural = np.zeros((2, 4), bool)
        names, seen = tuple(models), str(colours)
        return TransferMatrix(
            names, broken, natural, attack, norm, eps, seen, seed
        )

    monkeypatch.setattr(grid_transfer, "transfer_matrix", matrix)
    monkeypatch.setattr(
        grid_transfer, "load_classifier", lambda *_: SimpleNamespace(model=None)
    )
    norms = MeasuredNorms.of(("l2", "linf"), {"l2": 0.25})
    grid = small(colours, norms=norms, n_examples=5)
    found = grid_transfer.transfer_accuracies(grid, tmp_path, None, print)
    assert found == {
        ("natural", "best"): [1.0, 1.0],
        ("pgd-at", "best"): [0.5, 0.5],
    }
    assert asked == [
        ("natural", "pgd-at", "pgd20", "l2", 0.25, 5, seed) for seed in (0, 1)
    ]


def test_norms_are_checked():
    with pytest.raises(ValueError, match="given twice"):
        MeasuredNorms.of(("l2", "l2"))
    with pytest.raises(ValueError, match="Did you mean 8/255"):
        MeasuredNorms.of(("linf",), {"linf": 8.0})
    with pytest.raises(ValueError, match="bounds the classifier in linf"):
        grid_of(
            ("natural",),
            {},
            further=FurtherMeasures("ibp"),
            norms=MeasuredNorms.of(("l2",)),
        )


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        ({"certify": "ipb"}, "Did you mean 'ibp'"),
        ({"certify": "smoothing"}, "Unknown certification method"),
        ({"corruptions": ("fgo",)}, "Did you mean 'fog'"),
        ({"severities": (3,)}, "needs `corruptions`"),
        ({"corruptions": ("fog",), "severities": (6,)}, "severit"),
        ({"corruptions": ("fog",), "eot": 2}, "takes no `corruptions`"),
    ],
)
def test_further_measures_are_checked(measures, message):
    with pytest.raises(ValueError, match=message):
        FurtherMeasures(**measures)


def test_a_damaged_result_is_named(tmp_path):
    path = tmp_path / "evaluation.json"
    path.write_text("{}")
    with pytest.raises(DamagedFileError, match="delete it"):
        RunResult.read(path)


def test_seconds_of_an_epoch_are_those_of_its_steps(finished):
    grid, output, table = finished
    one = next(grid.runs(output))
    result = RunResult.read(one.result)
    # 36 training images in batches of 8.
    assert result.steps_per_epoch == 4
    assert result.seconds_per_epoch == 4 * result.seconds_per_step
    assert table.text().endswith(LEGEND)
    assert LEGEND in table.markdown() and f"% {LEGEND}" in table.latex()


def test_a_method_may_come_several_times_with_settings_of_its_own():
    rows = (
        "dat",
        RowSpec.parse("mean: dat objective.amplitude_scale=match_mean"),
        RowSpec.parse("two: dat objective.beta=2"),
    )
    grid = grid_of(rows, {}, ("epochs=3", "two:width=4"))
    scales = [recipe.objective.amplitude_scale for recipe in grid.recipes]
    assert scales == ["reference", "match_mean", "reference"]
    assert [recipe.objective.beta for recipe in grid.recipes][2] == 2.0
    assert [recipe.epochs for recipe in grid.recipes] == [3, 3, 3]
    assert [recipe.width for recipe in grid.recipes][2] == 4
    names = [one.name for one in grid.runs(Path("grid"))]
    assert names == ["dat-seed0", "mean-seed0", "two-seed0"]


@pytest.mark.parametrize("name", RECIPES)
def test_any_recipe_is_a_row(name):
    (recipe,) = grid_of((name,), {"epochs": 1}).recipes
    assert recipe == dataclasses.replace(RECIPES[name], epochs=1)


def test_a_recipe_next_to_methods_keeps_its_architecture():
    choice = {"dataset": "cifar10", "architecture": "resnet18"}
    grid = grid_of(("dat", "trades-cifar10-resnet8"), choice)
    found = [recipe.architecture for recipe in grid.recipes]
    assert found == ["resnet18", "resnet8"]
    with pytest.raises(ValueError, match="fixes its own dataset"):
        grid_of(("trades-cifar10-resnet8",), choice)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("dat", "dat"), "`labels` must hold no value twice. Received: 'dat'"),
        (("dta",), "Unknown method or recipe 'dta'. Did you mean 'dat'"),
    ],
)
def test_rows_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        grid_of(rows, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dat", "`row` must have the form"),
        ("a:", "`row` must have the form"),
        ("a: dat beta", "`row` must have the form"),
        ("a: dat beta=1 beta=2", "'beta' twice"),
        ("../a: dat", "`label` must begin with"),
        (": dat", "`label` must begin with"),
    ],
)
def test_rows_that_are_no_rows_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        RowSpec.parse(text)


def test_a_data_set_without_test_split_is_refused_first(colours, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(colours / "train", bare / "train")
    calls = []
    with pytest.raises(ValueError, match="`dataset` must have a test split"):
        compare(small(bare), tmp_path / "grid", run=calls.append)
    assert not calls and not (tmp_path / "grid").exists()


def test_a_failure_leaves_the_table_of_what_was_finished(colours, tmp_path):
    grid = small(colours, ("natural", "pgd-at"), seeds=(0,))
    first, _ = grid.runs(tmp_path)

    def run(function, one, *args):
        if one.label == "pgd-at":
            raise RuntimeError("out of memory")
        function(one, *args)

    said = []
    with pytest.raises(RuntimeError, match="out of memory"):
        compare(grid, tmp_path, options=RunOptions(say=said.append), run=run)
    assert first.result.exists()
    assert said[-1].startswith("finished so far: ")
    assert [line.split()[0] for line in said[-1].splitlines()[1:3]] == [
        *("method", "natural")
    ]


def test_a_signal_ends_a_comparison_that_can_be_resumed(colours, tmp_path):
    grid = small(colours, ("natural",), seeds=(0,))

    def signalled(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(RunInterruptedError, match="--resume goes on"):
        compare(grid, tmp_path, run=signalled)
    table = compare(grid, tmp_path, options=RunOptions(resume=True), run=here)
    assert len(table.cells()) == 2
