"""Norms, certificates, EOT and transfer of a report, and their sections."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from frequency_readers import (
    SIZE,
    bright_or_dark,
    images_beside_the_threshold,
    linear,
)

from dat_keras.analysis.robustness.attack_accuracies import attack_cells
from dat_keras.analysis.robustness.model_findings import model_findings
from dat_keras.analysis.robustness.write_report import write_report
from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.transfer import transfer_matrix
from dat_keras.evaluation.unions import evaluate_union
from dat_keras.utils.norms import pixel_fraction

MARGINS = np.array([1.5, 5.5, 9.5, 30.5]) / 255
"""Distances of the means of images from the readers' threshold."""
RADII = {"linf": 8 / 255, "l2": 8 * SIZE / 255}
"""Both move the mean by 8/255, so that both leave the same images."""
QUICK = {"n_bisected": 1, "apgd": False}


@pytest.fixture(scope="module")
def images():
    """Grey images: one is wrong, four lie inside the balls, four outside."""
    return images_beside_the_threshold(MARGINS)


@pytest.fixture(scope="module")
def reader():
    return bright_or_dark()


@pytest.fixture(scope="module")
def half_reader():
    """Reads the upper half alone; attacks on it leave the lower half."""
    kernel = np.zeros((SIZE, SIZE, 1), "f")
    kernel[: SIZE // 2] = 2 / SIZE**2
    return linear(kernel, threshold=0.5)


@pytest.fixture(scope="module")
def measured(images, reader, half_reader, tmp_path_factory):
    """Report and page with all sections that are measured."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    models = {"<b>": reader, "half": half_reader}
    options = {"norm": "linf,l2", "eps": {"l2": RADII["l2"]}, **QUICK}
    report = write_report(
        models, images, path, certify="crown-ibp", transfer=True, **options
    )
    return report, path.read_text()


def shown(cells, text):
    return all(f">{cell}<" in text for row in cells for cell in row[1:])


def test_the_worst_case_of_norms_is_that_of_evaluate(measured, images, reader):
    model = measured[0].models[0]
    (union,) = model.unions
    alone = evaluate_union(reader, images, "pgd20", norm="linf,l2", eps=RADII)
    assert union.worst == {"natural": 8, "pgd20": 4}
    assert union.worst["pgd20"] == alone["pgd20"].correct
    assert [(row.label, row.ball, row.left) for row in union.rows()] == [
        ("natural", "-", 8),
        ("pgd20, linf", "linf 8/255", 4),
        ("pgd20, l2", f"l2 {pixel_fraction(RADII['l2'])}", 4),
        ("pgd20, worst case", "worst case", 4),
    ]
    # The curve is in the first norm.
    (at,) = [point for point in model.curve if point.eps == RADII["linf"]]
    assert measured[0].norm == "linf" and at.correct == 4


def test_a_linear_net_is_certified_where_no_attack_can_break_it(measured):
    for model in measured[0].models:
        (found,) = model.certificates
        assert found.rows()[0] == ("natural", 8)
        assert found.rows()[-1] == ("certified (crown-ibp)", 4)
        assert (found.norm, found.eps) == ("linf", RADII["linf"])
        assert found.radii == () and found.of_classifier


def test_the_matrix_is_that_of_transfer(measured, images, reader, half_reader):
    matrix = measured[0].transfer
    alone = transfer_matrix({"<b>": reader, "half": half_reader}, images)
    assert (matrix.broken == alone.broken).all()
    # Half the pixels move the whole mean by half as much: 5.5 holds.
    assert np.rint(9 * matrix.accuracy).tolist() == [[4, 4], [6, 4]]


def test_the_page_shows_all_of_them(measured):
    report, text = measured
    for key in ("norms", "certificates", "transfer"):
        assert f'<section id="{key}">' in text
    assert 'id="attacks"' not in text
    for model in report.models:
        (union,), (proven,) = model.unions, model.certificates
        assert shown(union.cells(), text) and shown(proven.cells(), text)
        assert union.title() in text and proven.title() in text
    assert shown(report.transfer.cells()[1:], text)
    # Curve, transfer, and of each model norms, certificate, classes,
    # confusion, images and breaking radii.
    assert text.count("<img alt=") == 2 + 2 * 6
    assert "<b>" not in text and "http" not in text
    assert "worst case 44.4 % under pgd20" in text
    assert "certified 44.4 %: 9 images" in text


def test_files_of_evaluate_show_the_same(measured, images, reader, tmp_path):
    union, proven, several = (tmp_path / name for name in ("u", "p", "s"))
    options = {"norm": "linf,l2", "eps": RADII}
    both = evaluate_union(reader, images, "pgd20", **options)
    both.save(union)
    evaluate(reader, images, "pgd20", certify="crown-ibp").save(proven)
    several.write_text(json.dumps({"a": both.to_json(), "b": both.to_json()}))
    path = tmp_path / "a.html"
    report = write_report(
        {"<b>": reader},
        images,
        path,
        evaluations=[union, proven, several],
        **QUICK,
    )
    (read,), model = report.models, measured[0].models[0]
    assert read.unions == 3 * model.unions
    assert read.certificates == model.certificates
    assert read.attacks == ()
    assert 'id="norms"' in path.read_text()


def test_accuracies_in_a_file_stand_with_their_settings(
    images, reader, tmp_path
):
    file, path = tmp_path / "r.json", tmp_path / "a.html"
    report = evaluate(
        reader, images, "fgsm", norm="l2", eps=RADII["l2"], eot=2, seed=3
    )
    report.save(file)
    read = write_report(
        {"a": reader}, images, path, evaluations=[file], **QUICK
    )
    cells = attack_cells(read.models[0].attacks)
    assert cells[2] == [
        *("fgsm", "l2 64/255", "44.4 % [18.9, 73.3]", "9 of arrays"),
        *("strict, 3", "2"),
    ]
    text = path.read_text()
    assert 'id="attacks"' in text
    assert shown(cells, text)


def test_smoothing_shows_certified_radii(images, reader, tmp_path):
    path = tmp_path / "a.html"
    certifier = certifier_of("smoothing", sigma=0.25, draws=200)
    report = write_report(
        {"a": reader},
        images,
        path,
        norm="l2",
        eps=RADII["l2"],
        certify=certifier,
        **QUICK,
    )
    (found,) = report.models[0].certificates
    assert len(found.radii) == 9 and not found.of_classifier
    radii, shares = found.curve()
    assert radii[0] == 0 and list(shares) == sorted(shares, reverse=True)
    assert shares[0] == sum(radius > 0 for radius in found.radii) / 9
    text = path.read_text()
    assert shown(found.radius_cells()[1:], text)
    assert "by the smoothed classifier" in text and "smoothed" in text


class Flicker(keras.layers.Layer):
    """Shows every other row, doubled, and the other half the next time."""

    def build(self, shape):
        self.turn = self.add_weight(
            shape=(), trainable=False, initializer="zeros"
        )
        rows = np.arange(shape[1])[None, :, None, None] % 2
        self.rows = keras.ops.convert_to_tensor(rows, "float32")

    def call(self, x):
        self.turn.assign(1.0 - self.turn)
        return 2.0 * x * keras.ops.abs(self.rows - self.turn)


def test_passes_of_a_random_net_are_averaged(images, reader, tmp_path):
    net = keras.Sequential([keras.Input((SIZE, SIZE, 1)), Flicker(), reader])
    path = tmp_path / "a.html"
    # In one share: passes take turns.
    options = {"norm": "linf,l2", "eps": RADII, "batch_size": 8, **QUICK}
    # Single passes see brighter or darker rows.
    rows = 0.05 * (-1.0) ** np.arange(SIZE)[:, None, None]
    x, y = images[0] + rows, images[1]
    report = write_report({"a": net}, (x, y), path, eot=2, **options)
    (model,) = report.models
    (at,) = [point for point in model.curve if point.eps == RADII["linf"]]
    assert at.correct == 4 == model.unions[0].worst["pgd20"]
    codes = [caution.code for caution in model.cautions]
    assert codes.count("eot") == 1 and "randomized" not in codes
    assert model.unions[0].eot == 2
    assert "mean over 2 passes" in report.title()
    assert "mean over 2 passes" in model.unions[0].title()
    assert "EOT(PGD(" in path.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"certify": "smooting"}, "Did you mean 'smoothing'"),
        ({"certify": "ibp", "norm": "l2"}, "ibp certifies linf balls"),
        ({"certify": "smoothing"}, "`sigma` must be given"),
        ({"transfer": True}, "`transfer` takes two or more"),
        ({"eot": 0}, "`eot` must be at least 1"),
        ({"eot": 2, "corruptions": "fog"}, "`eot` takes no `corruptions`"),
        ({"norm": "linf,l2", "eps": 0.1}, "must give each norm its radius"),
        ({"norm": "linf,l2", "eps": {"l1": 1}}, "Received: l1"),
        ({"norm": "linf,linf"}, "given twice"),
        ({"norm": "linf,l2", "eps": {"l2": 9.0}}, "holds every image"),
        ({"norm": ()}, "must name one norm"),
    ],
)
def test_bad_arguments_write_nothing(options, words, images, reader, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_report(reader, images, tmp_path / "a", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_autoattack_runs_once_in_each_norm(images, reader, tmp_path):
    x, y = images[0][:4], images[1][:4]
    options = {"norm": "linf,l2", "eps": RADII, **QUICK}
    path = tmp_path / "a.html"
    report = write_report(
        {"a": reader}, (x, y), path, autoattack=True, **options
    )
    (model,) = report.models
    assert [(run.norm, run.eps) for run in model.autoattack] == [*RADII.items()]
    left = [run.parts[-1][1] for run in model.autoattack]
    assert left == [1, 1] and model.unions[0].worst["autoattack"] == 1
    assert 'id="autoattack"' in path.read_text()


def test_the_worst_case_is_that_of_the_strongest_attack(measured):
    """Wherever it stands: files list attacks in the order asked for."""
    model = measured[0].models[0]
    (union,) = model.unions
    attacks = {"natural": 8, "apgd-ce": 3, "pgd20": 4}
    several = replace(union, worst=attacks)
    lines = model_findings(replace(model, unions=(several,)), 8 / 255, 9)
    (line,) = [line for line in lines if line.startswith("worst case")]
    assert line.startswith("worst case 33.3 % under apgd-ce")
