"""Accuracies on corrupted images, against the parts measured one by one."""

import pytest
from toy_nets import opinionated

from dat_keras.corruptions.corrupt import corrupt
from dat_keras.data.base import DataNotFoundError
from dat_keras.evaluation.corruption_report import (
    CorruptedAccuracy,
    CorruptionReport,
)
from dat_keras.evaluation.corruptions import evaluate_corruptions
from dat_keras.evaluation.evaluate import evaluate


@pytest.fixture(scope="module")
def net():
    return opinionated((8, 8, 3))


def test_rows_are_evaluations_of_corrupted_images(net):
    model, x, y = net
    report = evaluate_corruptions(
        model, (x, y), "contrast,fog", (5, 2), attacks="fgsm", eps=0.02
    )
    assert report.corruptions == ("contrast", "fog")
    assert report.severities == (2, 5)
    for row in report.rows:
        corrupted = corrupt(x, row.corruption, row.severity)
        expected = evaluate(model, (corrupted, y), "fgsm", eps=0.02)
        for attack in ("natural", "fgsm"):
            assert row.correct[attack] == expected[attack].correct
    assert "mean error" in str(report)
    assert report.to_json()["accuracy"]["fog"]["5"]["fgsm"] == report.accuracy(
        "fog", 5, "fgsm"
    )


def rows(name, *correct):
    return [
        CorruptedAccuracy(name, s + 1, {"natural": c})
        for s, c in enumerate(correct)
    ]


def report_of(*all_rows):
    return CorruptionReport(
        tuple(sum(all_rows, [])), 10, "cifar10", ("natural",)
    )


def test_mean_corruption_error():
    mine = report_of(
        rows("fog", 9, 7), rows("snow", 5, 5), rows("saturate", 0, 0)
    )
    other = report_of(rows("fog", 8, 8), rows("snow", 0, 0))
    assert mine.mean_corruption_error() == pytest.approx((0.2 + 0.5) / 2)
    # The errors of fog sum to 4 here and there, those of snow to 10 and 20.
    assert mine.mean_corruption_error(other) == pytest.approx((1 + 0.5) / 2)
    with pytest.raises(ValueError, match="severities"):
        mine.mean_corruption_error(report_of(rows("fog", 1)))
    with pytest.raises(ValueError, match="none with fog"):
        mine.mean_corruption_error(report_of(rows("fog", 10, 10)))


def test_cifar10_c_that_is_not_prepared_is_refused(net, tmp_path):
    model, x, y = net
    with pytest.raises(DataNotFoundError, match="is not prepared in") as error:
        evaluate_corruptions(
            model, (x, y), "glass_blur", (1,), published=True, data_dir=tmp_path
        )
    assert "frosted_glass_blur_1" in str(error.value)


@pytest.mark.parametrize(
    "change",
    [{"corruptions": "smog"}, {"severities": (0,)}, {"severities": ()}],
)
def test_unknown_names_are_refused(net, change):
    model, x, y = net
    with pytest.raises(ValueError) as error:
        evaluate_corruptions(model, (x, y), **change)
    assert "\n" not in str(error.value)
