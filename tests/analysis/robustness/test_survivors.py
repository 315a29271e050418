"""What AutoAttack leaves: measured, and read from reports of `evaluate`."""

import json

import numpy as np
import pytest
from frequency_readers import SIZE, linear

from dat_keras.analysis.robustness.evaluations import read_evaluations
from dat_keras.analysis.robustness.write_report import write_report
from dat_keras.core.weights import fingerprint
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult
from dat_keras.utils.errors import DamagedFileError


def reader(threshold):
    kernel = np.full((SIZE, SIZE, 1), 1 / SIZE**2, "f")
    return linear(kernel, threshold)


@pytest.fixture(scope="module")
def images():
    """Grey images: one is wrong, four lie inside and three outside of eps."""
    means = np.array([0.48, 0.49, 0.4, 0.3, 0.51, 0.52, 0.6, 0.47])
    x = np.broadcast_to(means[:, None, None, None], (8, SIZE, SIZE, 1))
    return x.astype("f"), np.array([0, 0, 0, 0, 1, 1, 1, 1])


def result(name, broken, parts=()):
    flags = tuple(i in broken for i in range(8))
    return AttackResult(name, "", flags, parts=parts)


@pytest.fixture
def evaluation(images, tmp_path_factory):
    """Report of AutoAttack, as the command writes it."""
    parts = (
        result("natural", {7}),
        result("apgd-ce", {0, 1, 4, 7}),
        result("apgd-t", {0, 1, 4, 5, 7}),
    )
    report = Report(
        (result("natural", {7}), result("autoattack", {0, 1, 4, 5, 7}, parts)),
        fingerprint(reader(0.5)),
        *("grey", "1" * 64, True, "linf", 8 / 255, "strict", 0, 8, (), {}),
    )
    path = tmp_path_factory.mktemp("json") / "robust.json"
    report.save(path)
    return path


def test_a_report_of_evaluate_is_shown(images, evaluation, tmp_path):
    page = tmp_path / "a.html"
    options = {"n_bisected": 1, "apgd": False, "evaluations": [evaluation]}
    report = write_report({"net": reader(0.5)}, images, page, **options)
    (read,) = report.models[0].autoattack
    assert read.parts == (("natural", 7), ("apgd-ce", 4), ("apgd-t", 3))
    assert read.lost == (1, 3, 1)
    text = page.read_text()
    assert 'id="autoattack"' in text and text.count("<img alt=") == 6
    for row in report.survivor_cells()[1:]:
        assert all(f">{cell}<" in text for cell in row)
    assert f"net: 37.5 % left of {read.title()}" in text
    assert "upper bound of robust" not in text


@pytest.mark.thorough
def test_measured_parts_are_those_of_evaluate(images, tmp_path):
    path = tmp_path / "robust.json"
    evaluate(reader(0.5), images, attacks="autoattack").save(path)
    options = {"n_bisected": 1, "apgd": False, "evaluations": [path]}
    report = write_report(
        reader(0.5), images, tmp_path / "a.html", autoattack=True, **options
    )
    measured, read = report.models[0].autoattack
    assert measured == read
    assert measured.parts[:2] == (("natural", 7), ("apgd-ce", 3))
    assert measured.lost == (1, 4, 0, 0, 0)


def test_a_file_on_other_weights_is_refused(images, evaluation, tmp_path):
    with pytest.raises(ValueError, match="weights of these models"):
        write_report(
            reader(0.6), images, tmp_path / "a", evaluations=[evaluation]
        )
    assert list(tmp_path.iterdir()) == []


def test_reports_of_several_models_are_told_apart(evaluation, tmp_path):
    report = json.loads(evaluation.read_text())
    other = {**report, "model": {"sha256": "1" * 64}}
    plain = {**report, "attacks": {"natural": report["attacks"]["natural"]}}
    both = tmp_path / "both.json"
    both.write_text(json.dumps({"a": report, "b": other, "c": plain}))
    found = read_evaluations([both, evaluation])
    sha256 = report["model"]["sha256"]
    assert {key: len(each.autoattack) for key, each in found.items()} == {
        sha256: 2,
        "1" * 64: 1,
    }


def test_cautions_of_a_file_stand_with_the_numbers(
    images, evaluation, tmp_path
):
    told = {"code": "masking", "advice": "Square broke more."}
    data = json.loads(evaluation.read_text()) | {"warnings": [told, told]}
    file, page = tmp_path / "r.json", tmp_path / "a.html"
    file.write_text(json.dumps(data))
    report = write_report(
        reader(0.5),
        images,
        page,
        evaluations=[file],
        n_bisected=1,
        apgd=False,
    )
    (model,) = report.models
    assert [str(c) for c in model.cautions].count(
        "warning: masking: Square broke more."
    ) == 1
    assert "Square broke more." in page.read_text()
    nothing = {**data, "attacks": {}}
    file.write_text(json.dumps(nothing))
    with pytest.raises(DamagedFileError, match="holds no result"):
        read_evaluations([file])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attacks": {}}, "holds no result"),
        ({"shard": {}}, "merge-reports"),
        ({"model": None}, "is no report"),
    ],
)
def test_what_is_no_such_report_is_refused(evaluation, tmp_path, change, words):
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps({**json.loads(evaluation.read_text()), **change})
    )
    with pytest.raises(DamagedFileError, match=words):
        read_evaluations([path])
