"""A report's numbers against closed forms, and its page."""

import base64

import keras
import numpy as np
import pytest
import tensorflow as tf
from fake_notebook import fake_notebook
from frequency_readers import SIZE, linear
from toy_nets import opinionated

from dat_keras.analysis.robustness.masking import masking_cautions
from dat_keras.analysis.robustness.model_robustness import Confusion
from dat_keras.analysis.robustness.write_report import write_report
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.utils.errors import RunFolderError

MARGINS = np.array([0.5, 2.5, 4.5, 10.5, 30.5, 90.5]) / 255
"""Distances of the images' means from the threshold of the mean reader."""


@pytest.fixture(scope="module")
def flat_images():
    """Grey images below and above the threshold, by `MARGINS`."""
    means = np.concatenate([0.5 - MARGINS, 0.5 + MARGINS])
    x = np.broadcast_to(means[:, None, None, None], (12, SIZE, SIZE, 1))
    return x.astype("f"), np.repeat([0, 1], 6)


@pytest.fixture(scope="module")
def reader():
    """The mean reader, for the whole module."""
    return linear(np.full((SIZE, SIZE, 1), 1 / SIZE**2, "f"), threshold=0.5)


@pytest.fixture(scope="module")
def linear_report(flat_images, reader, tmp_path_factory):
    """Report and page of a linear classifier."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    models = {"<b>mean</b>": reader}
    return write_report(models, flat_images, path), path.read_text()


def test_a_linear_curve_is_the_one_computed_by_hand(linear_report):
    # The mean moves by eps and no further: broken where eps exceeds m.
    (model,) = linear_report[0].models
    expected = {e / 255: 2 * np.sum(MARGINS > e / 255) for e in (1, 2, 4, 8)}
    curve = {point.eps: point.correct for point in model.curve}
    assert {e: curve[e] for e in expected} == expected
    assert curve[0.0] == 12 and curve[1.0] == 0
    assert max(eps for eps in curve if eps < 1) == 16 / 255
    assert [c.code for c in model.cautions] == []


def test_breaking_radii_of_a_linear_model_are_its_margins(linear_report):
    (model,) = linear_report[0].models
    found = {each.position: each.eps for each in model.breaking}
    for i, margin in enumerate(np.tile(MARGINS, 2)):
        steps = int(np.ceil(margin * 255))
        expected = pytest.approx(steps / 255) if steps <= 64 else None
        assert found[i] == expected
    assert [each.position for each in model.breaking[:2]] == [0, 6]
    assert all(each.taken_for != each.label for each in model.breaking[:10])


def test_a_notebook_shows_the_figures_of_the_page(linear_report, monkeypatch):
    report, text = linear_report
    shown = fake_notebook(monkeypatch)
    report.show()
    # Radius, classes, confusion, breaking radii.
    assert len(shown) == 4
    assert all(base64.b64encode(png).decode() in text for png in shown)


def test_two_classes_are_taken_for_each_other(linear_report):
    (model,) = linear_report[0].models
    assert model.clean.counts == ((6, 0), (0, 6))
    assert model.attacked.counts == ((3, 3), (3, 3))


def test_accuracy_is_that_of_evaluate(linear_report, flat_images, reader):
    report = evaluate(reader, flat_images, attacks="pgd20")
    (model,) = linear_report[0].models
    (at,) = [p for p in model.curve if p.eps == 8 / 255]
    assert at.correct == report["pgd20"].correct
    assert linear_report[0].settings == report["pgd20"].settings


def test_apgd_finds_no_more_where_pgd_is_exact(linear_report):
    (model,) = linear_report[0].models
    curve = {point.eps: point.correct for point in model.curve}
    points = {4 / 255: 8, 8 / 255: 6, 16 / 255: 4}
    assert {point.eps: point.correct for point in model.apgd} == points
    assert {eps: curve[eps] for eps in points} == points


@pytest.mark.thorough
def test_apgd_spares_only_what_is_broken_already(tmp_path):
    model, x, y = opinionated((8, 8, 1))
    alone = evaluate(model, (x, y), attacks="pgd20,apgd-ce", eps=0.02)
    report = write_report(model, (x, y), tmp_path / "a", eps=0.02, n_bisected=1)
    (found,) = report.models
    (left,) = [point.correct for point in found.apgd if point.eps == 0.02]
    assert left == round(alone.robust_accuracy * len(y))
    assert 0 < left < found.curve[0].correct


def test_a_constant_classifier_takes_all_for_one_class(flat_images, tmp_path):
    model = linear(np.zeros((SIZE, SIZE, 1), "f"), threshold=0.5)
    path = tmp_path / "report.html"
    report = write_report(model, flat_images, path, n_bisected=4, apgd=False)
    (found,) = report.models
    assert found.clean == found.attacked == Confusion(((6, 0), (6, 0)))
    assert all(each.eps is None for each in found.breaking)
    codes = [caution.code for caution in found.cautions]
    assert "robust_at_largest_eps" in codes
    assert report.class_cells(found)[2][-1] == "0 (6)"


def test_masked_gradients_are_warned_of(flat_images, reader, tmp_path):
    image = keras.Input((SIZE, SIZE, 1))
    masked = keras.Model(image, reader(keras.ops.stop_gradient(image)))
    options = {"n_bisected": 1, "apgd": False}
    report = write_report(masked, flat_images, tmp_path / "a", **options)
    codes = [caution.code for caution in report.models[0].cautions]
    assert "robust_at_largest_eps" in codes
    assert "robust_at_largest_eps" in str(report)
    assert "robust_at_largest_eps" in (tmp_path / "a").read_text()


@pytest.mark.parametrize(("gained", "lost", "warned"), [(9, 0, 1), (9, 8, 0)])
def test_a_rise_beyond_chance_is_warned_of(gained, lost, warned):
    small = np.repeat([False, True, True], [gained, lost, 20])
    large = np.repeat([True, False, True], [gained, lost, 20])
    robust = {0.1: small, 0.2: large, 1.0: np.zeros(len(small), bool)}
    found = masking_cautions(robust, 1.0)
    assert [c.code for c in found] == ["rises_with_eps"] * warned
    if found:
        assert f"{gained} images more" in found[0].advice
    falling = {0.1: large, 0.2: small & large, 1.0: robust[1.0]}
    assert masking_cautions(falling, 1.0) == ()


def test_a_notebook_and_a_data_frame_hold_the_curve(linear_report):
    report, *_ = linear_report
    (model,) = report.models
    frame = report.to_pandas()
    assert frame["eps"].tolist() == [point.eps for point in model.curve]
    assert frame["correct"].tolist() == [p.correct for p in model.curve]
    assert report.title() in report._repr_html_()


def test_the_page_stands_alone_and_says_everything(linear_report):
    report, text = linear_report
    assert "http" not in text and "<script" not in text
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    assert "<b>" not in text and "&lt;b&gt;mean" in text
    assert text.count("<img alt=") == text.count("data:image/png;base64,") == 5
    for key in ("radius", "classes", "images", "settings"):
        assert f'id="{key}"' in text
    (model,) = report.models
    for cells in (
        report.curve_cells(),
        report.class_cells(model),
        report.breaking_cells(model),
    ):
        assert all(f">{cell}<" in text for row in cells[1:] for cell in row[1:])
    assert report.title() in text and "upper bound" in text


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_colour_oblong_images_and_many_classes(norm, tmp_path):
    keras.utils.set_random_seed(0)
    shape = (6, 10, 3)
    layers = [keras.Input(shape), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(100)])
    x = np.random.default_rng(1).uniform(size=(3, *shape)).astype("f")
    y = tf.argmax(model(x), -1).numpy()
    report = write_report(
        model, (x, y), tmp_path / "a", norm=norm, apgd=norm == "l2"
    )
    assert report.models[0].curve[0].correct == 3
    assert len(report.class_cells(report.models[0])) == len(set(y)) + 1


def test_bad_arguments_write_nothing(flat_images, reader, tmp_path):
    path = tmp_path / "a"
    for options, words in (
        ({"eps": 1.0}, "above 0 and below 1"),
        ({"norm": "l3"}, "Unknown norm"),
        ({"n_bisected": 0}, "`n_bisected` must be at least 1"),
        ({"runs": {"other": "a"}}, "model in `runs`"),
    ):
        with pytest.raises(ValueError, match=words):
            write_report({"net": reader}, flat_images, path, **options)
    with pytest.raises(RunFolderError, match="cannot write"):
        write_report(reader, flat_images, tmp_path)
    with pytest.raises(RunFolderError, match="neither a run folder"):
        runs = {"net": tmp_path}
        write_report({"net": reader}, flat_images, path, runs=runs)
    assert list(tmp_path.iterdir()) == []
