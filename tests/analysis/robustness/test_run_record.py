"""Run folders as a report reads them."""

import json
import math
import re
from dataclasses import replace

import pytest
from small_runs import NATURAL, TINY

from dat_keras.analysis.robustness.robustness_report import RobustnessReport
from dat_keras.analysis.robustness.run_record import RunRecord
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.errors import DamagedFileError

HISTORY = """epoch,step,loss,natural,val_accuracy,val_robust_accuracy,seconds
0,3,2.5,1.5,0.25,0.125,30
1,6,2,1,0.5,,40
"""


def run(path, recipe, history=HISTORY):
    path.mkdir()
    RunInfo(recipe, (8, 8, 3), ("a", "b")).write(path / "recipe.json")
    (path / "history.csv").write_text(history)
    return path


def test_history_is_split_into_terms_and_accuracies(tmp_path):
    record = RunRecord.read(run(tmp_path / "a", NATURAL))
    assert record.terms == ["loss", "natural"]
    assert record.accuracies == ["val_accuracy", "val_robust_accuracy"]
    assert record.column("natural") == [1.5, 1]
    assert math.isnan(record.column("val_robust_accuracy")[1])
    assert record.seconds_per_step is None


def test_tables_of_cost_and_of_differing_settings(tmp_path):
    first = run(tmp_path / "a", NATURAL)
    costs = {"seconds_per_step": 0.05, "peak_memory": 2**30}
    (first / "costs.json").write_text(json.dumps(costs))
    second = run(tmp_path / "b", replace(NATURAL, seed=7, batch_size=4))
    records = {p.name: RunRecord.read(p) for p in (first, second)}
    report = report_on(records)
    assert report.cost_cells()[1:] == [
        ["a", "2", "6", "70 s", "35 s", "50 ms", "1.00 GiB"],
        ["b", "2", "6", "70 s", "35 s", "", ""],
    ]
    assert report.recipe_cells() == [
        ["setting", "a", "b"],
        ["batch_size", "8", "4"],
        ["seed", "0", "7"],
    ]
    alone = replace(report, runs={"a": records["a"]}).recipe_cells()
    assert ["objective", "Natural"] in alone and ["epochs", "2"] in alone
    other = replace(records["b"], recipe=TINY)
    both = replace(report, runs={"a": records["a"], "b": other})
    assert ["objective", "Natural", "DAT"] in both.recipe_cells()


def report_on(records):
    return RobustnessReport(
        (), records, (), "", "", 1, True, "linf", 0.1, "", 0, 1, (), ""
    )


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        ([(0.5, 0.4), (0.6, 0.4)], None),
        ([(0.5, 0.4), (0.95, 0.02)], "1 of 2 epochs|epoch 2 .* 95% .* 2% under"
         "|The weights of epoch 1 are .* --weights last-good"),
        ([(0.9, 0.0), (0.5, 0.4), (0.8, 0.1), (0.4, 0.4)],
         "2 of 4 epochs|epoch 3 .* 80% .* 10% under|weights of epoch 4 are"),
        ([(0.9, 0.0)], "1 of 1 epochs|No epoch was without it"),
        ([("", "")], None),
    ],
)  # fmt: skip
def test_catastrophic_overfitting_is_a_caution(tmp_path, epochs, said):
    rows = [f"{i},{i},1,{a},{b}" for i, (a, b) in enumerate(epochs)]
    header = "epoch,step,loss,train_accuracy_step,train_accuracy_pgd"
    history = "\n".join([header, *rows, ""])
    record = RunRecord.read(run(tmp_path / "a", NATURAL, history))
    lines = report_on({"runs/a": record}).notes()
    if said is None:
        assert lines == []
        return
    (line,) = lines
    start = "warning: training of runs/a: catastrophic_overfitting: "
    assert line.startswith(start)
    assert all(re.search(part, line) for part in said.split("|"))


def test_runs_of_other_methods_give_no_caution(tmp_path):
    record = RunRecord.read(run(tmp_path / "a", NATURAL))
    assert report_on({"a": record}).notes() == []


@pytest.mark.parametrize("history", ["epoch,step\n0,x\n", "epoch,step\n0\n"])
def test_a_damaged_history_is_refused(tmp_path, history):
    with pytest.raises(DamagedFileError, match="history.csv"):
        RunRecord.read(run(tmp_path / "a", NATURAL, history))
