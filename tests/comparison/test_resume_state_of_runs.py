"""Where evaluations of a grid keep their state, and that they go on there."""

import pytest

from dat_keras.comparison import grid_run as grid_runs
from dat_keras.comparison.compare import compare
from dat_keras.comparison.grid import grid_of
from dat_keras.comparison.measured_norms import MeasuredNorms
from dat_keras.evaluation.resume_state import IDENTITY
from dat_keras.training.fit_run import RunOptions


def here(function, *args):
    """Trains a run in this process."""
    function(*args)


def small(colours, attacks, **fields):
    choice = {
        "dataset": str(colours),
        "architecture": "resnet8",
        "epochs": 1,
        "batch_size": 8,
    }
    settings = ("width=2", "eval_attack.steps=1")
    return grid_of(
        ("natural",), choice, settings, seeds=(0,), attacks=attacks, **fields
    )


@pytest.fixture
def states(monkeypatch):
    """Folders that the evaluations of a grid are given, in their order."""
    seen, evaluate = [], grid_runs.evaluate

    def recording(*args, resume, **options):
        seen.append(resume)
        return evaluate(*args, resume=resume, **options)

    monkeypatch.setattr(grid_runs, "evaluate", recording)
    return seen


def test_attacks_without_stages_keep_no_state(colours, tmp_path, states):
    grid = small(colours, ("fgsm",), checkpoints=("best", "last"))
    compare(grid, tmp_path, run=here)
    (one,) = grid.runs(tmp_path)
    assert states == [None, None]
    assert list(one.folder.glob("evaluation-*")) == []


@pytest.mark.parametrize("norms", ["linf", "linf,l2"])
def test_each_checkpoint_and_norm_has_a_state_of_its_own(
    norms, colours, tmp_path, states
):
    names = tuple(norms.split(","))
    grid = small(
        colours,
        ("fgsm", "fmn"),
        checkpoints=("best", "last"),
        norms=MeasuredNorms.of(names),
    )
    compare(grid, tmp_path, run=here)
    (one,) = grid.runs(tmp_path)
    folders = [one.folder / f"evaluation-{each}" for each in ("best", "last")]
    if len(names) > 1:
        folders = [folder / norm for folder in folders for norm in names]
    assert states == folders


def test_a_killed_evaluation_goes_on_from_its_state(
    colours, tmp_path, states, monkeypatch
):
    """Killed after the first checkpoint; its attack does not run again."""
    grid = small(colours, ("fmn",), checkpoints=("best", "last"))
    whole = compare(grid, tmp_path / "whole", run=here)
    evaluate, attacked = grid_runs.evaluate, []

    def dying(*args, **options):
        if options["resume"].name == "evaluation-last":
            raise KeyboardInterrupt
        return evaluate(*args, **options)

    def counting(*args, progress, **options):
        def tell(name, done, total):
            attacked.append((options["resume"].name, name))
            progress(name, done, total)

        return evaluate(*args, progress=tell, **options)

    with monkeypatch.context() as patch:
        patch.setattr(grid_runs, "evaluate", dying)
        with pytest.raises(KeyboardInterrupt):
            compare(grid, tmp_path / "killed", run=here)
    (one,) = grid.runs(tmp_path / "killed")
    assert (one.folder / "evaluation-best" / IDENTITY).exists()
    monkeypatch.setattr(grid_runs, "evaluate", counting)
    options = RunOptions(resume=True, say=lambda sentence: None)
    again = compare(grid, tmp_path / "killed", options=options, run=here)
    assert [row[:3] for row in again.cells()] == (
        [row[:3] for row in whole.cells()]
    )
    assert ("evaluation-last", "fmn") in attacked
    assert ("evaluation-best", "fmn") not in attacked
