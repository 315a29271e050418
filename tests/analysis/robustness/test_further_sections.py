"""Minimal distances and corruptions of a report, and their sections."""

import json
import math

import numpy as np
import pytest
from frequency_readers import (
    bright_or_dark,
    images_beside_the_threshold,
)

from dat_keras.analysis.robustness.distance_numbers import (
    distance_curve_cells,
    quantile_cells,
)
from dat_keras.analysis.robustness.masking import distance_cautions
from dat_keras.analysis.robustness.smallest_perturbations import (
    SmallestPerturbations,
)
from dat_keras.analysis.robustness.write_report import write_report
from dat_keras.evaluation.corruptions import evaluate_corruptions
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.minimal_distances import MinimalDistances

MARGINS = np.array([2.5, 4.5, 10.5, 30.5]) / 255
"""Distances of the means of right images from the reader's threshold."""
QUICK = {"n_bisected": 1, "apgd": False}
CORRUPTED = {"corruptions": "contrast,saturate", "severities": (1, 4)}


@pytest.fixture(scope="module")
def images():
    """Grey images: one is wrong, eight lie `MARGINS` from the threshold."""
    return images_beside_the_threshold(MARGINS)


@pytest.fixture(scope="module")
def reader():
    return bright_or_dark()


@pytest.fixture(scope="module")
def measured(images, reader, tmp_path_factory):
    """Report and page with both sections."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    options = {"distances": "fmn", **CORRUPTED, **QUICK}
    return write_report({"<b>": reader}, images, path, **options), (
        path.read_text()
    )


def test_distances_of_a_linear_model_are_its_margins(measured):
    (run,) = measured[0].models[0].distances
    values = run.distances.values
    assert values[0] == 0.0
    np.testing.assert_allclose(values[1:], np.tile(MARGINS, 2), rtol=0.02)
    assert all(np.tile(MARGINS, 2) <= np.array(values[1:]) + 1e-6)


def test_both_are_those_of_evaluate(measured, images, reader):
    (model,) = measured[0].models
    alone = evaluate(reader, images, attacks="fmn")
    assert model.distances[0].distances == alone["fmn"].distances
    assert model.corruptions == (
        evaluate_corruptions(reader, images, *CORRUPTED.values()),
    )


def test_the_page_has_figures_and_tables_of_both(measured):
    report, text = measured
    (model,) = report.models
    assert 'id="distances"' in text and 'id="corruptions"' in text
    assert "<b>" not in text and "http" not in text
    # Radius, classes, confusion, images, breaking radii, and these two.
    assert text.count("<img alt=") == 7
    runs = report.distances_in("linf")
    for cells in (
        quantile_cells(runs),
        distance_curve_cells(runs, "linf", report.eps),
    ):
        assert all(f">{cell}<" in text for row in cells[1:] for cell in row[1:])
    for name in ("contrast", "saturate", "mean corruption error"):
        assert f">{name}</th>" in text
    (corrupted,) = model.corruptions
    error = f"{100 * corrupted.mean_corruption_error():.1f} %"
    assert f"mean corruption error {error} over 1 standard corruptions" in text
    assert "median distance 4.5" in text
    assert "published" in text and "upper bound" in text


def test_a_report_of_evaluate_shows_the_same(
    measured, images, reader, tmp_path
):
    path = tmp_path / "r.json"
    report = evaluate(reader, images, attacks="fmn")
    corrupted = evaluate_corruptions(reader, images, *CORRUPTED.values())
    data = {**report.to_json(), "corruptions": corrupted.to_json()}
    path.write_text(json.dumps(data))
    again = write_report(
        {"<b>": reader},
        images,
        tmp_path / "a.html",
        evaluations=[path],
        **QUICK,
    )
    (model,), (read,) = measured[0].models, again.models
    assert read.corruptions == model.corruptions
    assert read.distances == model.distances
    assert 'id="distances"' in (tmp_path / "a.html").read_text()


def test_quantiles_and_curve_are_those_counted_by_hand():
    values = (0.0, 3 / 255, 1 / 255, math.inf)
    found = SmallestPerturbations(
        "fab", MinimalDistances("linf", values), "toy/test", 7
    )
    shares = (0.1, 0.25, 0.3, 0.5, 0.75, 0.9)
    expected = [0, 0, 1 / 255, 1 / 255, 3 / 255, math.inf]
    assert [found.quantile(share) for share in shares] == expected
    assert found.curve() == ([0.0, 1 / 255, 3 / 255], [0.75, 0.5, 0.25])
    rows = [("net", found)]
    assert quantile_cells(rows)[1] == [
        *("net", "fab", "linf", "4, 7"),
        *("0/255", "0/255", "1/255", "3/255", "none found", "1"),
    ]
    cells = distance_curve_cells(rows, "linf", 2 / 255)
    assert [row[0] for row in cells[1:]] == [f"{i / 2:g}/255" for i in range(9)]
    shown = [row[1].split(" %")[0] for row in cells[1:]]
    assert shown == ["75.0"] * 2 + ["50.0"] * 4 + ["25.0"] * 3


@pytest.mark.parametrize(("broken", "warned"), [(30, 1), (5, 0)])
def test_shorter_distances_than_pgd_finds_are_warned_of(broken, warned):
    left = np.repeat([True, False], [100, 20])
    values = np.repeat([0.01, 0.03, 0.001], [broken, 100 - broken, 20])
    run = SmallestPerturbations(
        "fmn", MinimalDistances("linf", tuple(values)), "toy/test", 0
    )
    found = distance_cautions(left, [run], 0.02)
    assert [each.code for each in found] == ["fmn_breaks_many"] * warned
    if found:
        assert "FMN breaks 30 of the 100 images" in found[0].advice


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"distances": "pgd20"}, "find minimal distances"),
        ({"distances": "fnm"}, "Did you mean 'fmn'"),
        ({"corruptions": "smog"}, "Unknown corruption 'smog'"),
        ({"corruptions": "fog", "severities": (0,)}, "from 1 to 5"),
    ],
)
def test_bad_arguments_write_nothing(options, words, images, reader, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_report(reader, images, tmp_path / "a", **options)
    assert list(tmp_path.iterdir()) == []
