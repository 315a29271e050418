"""Accuracies on corrupted images, against the parts measured one by one."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from toy_nets import opinionated

from dat_keras.corruptions.corrupt import corrupt
from dat_keras.data.base import DataNotFoundError
from dat_keras.evaluation import corruptions
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


def test_no_batch_and_other_settings_are_refused(net):
    model, x, y = net
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        evaluate_corruptions(model, (x, y), "fog", batch_size=0)
    fog = tuple(rows("fog", 9, 7))
    fog = tuple(replace(r, correct={"natural": 9, "fgsm": 5}) for r in fog)
    attacks = "natural", "fgsm"
    mine = CorruptionReport(
        fog, 10, "cifar10", attacks, norm="linf", eps=0.1, protocol="strict"
    )
    for change in ({"norm": "l2"}, {"eps": 0.2}, {"protocol": "dat"}):
        other = replace(mine, **change)
        assert mine.mean_corruption_error(other) == 1.0
        (field,) = change
        with pytest.raises(ValueError, match=f"must have the same {field}"):
            mine.mean_corruption_error(other, "fgsm")
    with pytest.raises(ValueError, match="same parameters, cifar10. Received"):
        mine.mean_corruption_error(replace(mine, table="published"))


def published(monkeypatch, classes, count=6, size=8):
    """A net, and published images that it has to fit."""
    x = np.random.default_rng(0).random((count, size, size, 3), np.float32)
    monkeypatch.setattr(corruptions, "check_prepared", lambda *given: None)
    monkeypatch.setattr(
        corruptions, "load_corrupted", lambda *given: (x, np.arange(count))
    )
    layers = keras.layers.Flatten(), keras.layers.Dense(classes)
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


def test_the_published_images_are_those_that_have_to_fit(net, monkeypatch):
    _, x, y = net
    data = x[:2], y[:2]
    options = {"corruptions": "fog", "severities": (1,), "published": True}
    model = published(monkeypatch, 10)
    # More than there are in `data`, which is not read.
    report = evaluate_corruptions(model, data, n_examples=4, **options)
    assert report.n_examples == 4
    with pytest.raises(ValueError, match=r"`n_examples` must be in \[1, 6\]"):
        evaluate_corruptions(model, data, n_examples=7, **options)
    with pytest.raises(ValueError, match="10 classes. Received: one of 12"):
        model = published(monkeypatch, 12)
        evaluate_corruptions(model, data, **options)
    with pytest.raises(ValueError, match="Received: images of shape"):
        model = published(monkeypatch, 10, size=6)
        evaluate_corruptions(model, data, **options)


def test_a_randomised_net_is_told_of(net):
    model, x, y = net
    noise = keras.layers.Lambda(
        lambda x: x + keras.random.normal(keras.ops.shape(x))
    )
    shaken = keras.Sequential([keras.Input((8, 8, 3)), noise, model])
    options = {"corruptions": "contrast", "severities": (1,)}
    report = evaluate_corruptions(shaken, (x, y), **options)
    caution, *rest = report.cautions
    assert caution.code == "randomized"
    # Its generator keeps a state, a variable.
    assert {other.code for other in rest} <= {"dynamic"}
    assert "warning: randomized" in str(report)
    assert report.to_json()["warnings"][0] == caution.to_json()
    assert evaluate_corruptions(model, (x, y), **options).cautions == ()


@pytest.mark.parametrize(
    "change",
    [{"corruptions": "smog"}, {"severities": (0,)}, {"severities": ()}],
)
def test_unknown_names_are_refused(net, change):
    model, x, y = net
    with pytest.raises(ValueError) as error:
        evaluate_corruptions(model, (x, y), **change)
    assert "\n" not in str(error.value)
