"""Unions of threat models: the worst case of each image, by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from toy_nets import opinionated

from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.union_report import UnionReport
from dat_keras.evaluation.unions import evaluate_union

RADII = {"linf": 0.01, "l2": 0.1, "l1": 1.3}


@pytest.fixture(scope="module")
def net():
    return opinionated((8, 8, 3))


@pytest.fixture(scope="module")
def union(net):
    model, x, y = net
    return evaluate_union(model, (x, y), "fgsm", norm="linf,l2,l1", eps=RADII)


def test_each_norm_is_its_own_evaluation(net, union):
    model, x, y = net
    for norm, eps in RADII.items():
        single = evaluate(model, (x, y), "fgsm", norm=norm, eps=eps)
        for mine, other in zip(
            union.reports[norm].results, single.results, strict=True
        ):
            assert mine.broken == other.broken


def test_an_image_is_robust_if_it_is_in_every_norm(union):
    robust = np.ones(26, bool)
    for report in union.reports.values():
        robust &= ~np.array(report["fgsm"].broken)
    singles = [r["fgsm"].accuracy for r in union.reports.values()]
    assert union["fgsm"].accuracy == robust.mean() <= min(singles)
    assert union.robust_accuracy == robust.mean()
    natural = union.reports["l2"]["natural"].broken
    assert union["natural"].broken == natural


def test_the_worst_case_by_hand(union):
    def changed(norm, *broken):
        report = union.reports[norm]
        natural, fgsm = report.results
        fgsm = replace(fgsm, broken=broken, seconds=1.5)
        natural = replace(natural, broken=(False, False, True, False))
        return replace(report, results=(natural, fgsm))

    reports = {
        "linf": changed("linf", True, False, True, False),
        "l2": changed("l2", False, True, True, False),
    }
    worst = UnionReport(reports)["fgsm"]
    assert worst.broken == (True, True, True, False)
    assert (worst.correct, worst.accuracy, worst.seconds) == (1, 0.25, 3.0)
    assert UnionReport(reports)["natural"].accuracy == 0.75


def test_a_union_of_one_norm_is_that_norm(union):
    one = UnionReport({"l2": union.reports["l2"]})
    for worst, single in zip(
        one.results, union.reports["l2"].results, strict=True
    ):
        assert worst.broken == single.broken
        assert worst.interval == single.interval


def test_table_and_json_keep_every_row(union, tmp_path):
    rows = [line.split()[:2] for line in str(union).splitlines()[2:]]
    norms = ["linf", "l2", "l1", "union"]
    assert rows == [["natural", "-"], *(["fgsm", norm] for norm in norms)]
    assert "linf eps 0.01, l2 eps 0.1, l1 eps 1.3" in union.title()
    union.save(tmp_path / "r.json")
    written = json.loads((tmp_path / "r.json").read_text())
    assert list(written["norms"]) == list(RADII)
    for norm, report in union.reports.items():
        of = written["norms"][norm]
        assert (of["norm"], of["eps"]) == (norm, RADII[norm])
        assert of["attacks"]["fgsm"]["correct"] == report["fgsm"].correct
    worst = written["union"]["attacks"]["fgsm"]
    assert worst["accuracy"] == union["fgsm"].accuracy
    assert sorted(worst["broken"]) == sorted(
        {
            i
            for of in written["norms"].values()
            for i in of["attacks"]["fgsm"]["broken"]
        }
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"norm": "linf,l3"}, "Unknown norm 'l3'"),
        ({"norm": "l2,l2"}, "given twice"),
        ({"norm": ()}, "one norm or more"),
        ({"norm": "linf,l2", "eps": {"l1": 1.0}}, "Received: l1"),
        ({"norm": "linf,l2", "eps": {"linf": 8}}, "Did you mean 8/255?"),
        ({"eps": 0.5}, "each norm its radius"),
        ({"attacks": {"mine": None}}, "must be names"),
    ],
)
def test_what_is_ambiguous_or_unknown_is_refused(net, change, line):
    model, x, y = net
    with pytest.raises(ValueError, match="^[^\n]*$") as error:
        evaluate_union(model, (x, y), **change)
    assert line in str(error.value)
