"""Certificates beside attacks: order, images, text, refusals, defects."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from contexts import context_of
from keras import layers

import dat_keras as dk
from dat_keras.cli import _names
from dat_keras.comparison.results_table import compare_reports
from dat_keras.core.threat_models import L2
from dat_keras.evaluation import certifiers
from dat_keras.evaluation.certificate import Certificate, certificate_cautions
from dat_keras.evaluation.certifiers import CERTIFIERS, certifier_of
from dat_keras.evaluation.results import AttackResult
from dat_keras.evaluation.shard import Shard
from dat_keras.evaluation.smoothing_certifier import SmoothingCertifier

EPS = 0.02


@pytest.fixture(scope="module")
def judged():
    keras.utils.set_random_seed(4)
    net = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    x = np.random.default_rng(0).random((24, 8, 8, 3), np.float32)
    y = net(x).numpy().argmax(-1)
    y[::6] = (y[::6] + 1) % 4
    return net, (x, y)


@pytest.fixture(scope="module")
def report(judged):
    return dk.evaluate(
        *judged, "pgd20,autoattack-monitor", eps=EPS, certify="crown-ibp"
    )


def test_certified_images_stand_below_all_attacks(report):
    certified = np.array(report.certificate.certified)
    for result in report.results:
        assert not (certified & np.array(result.broken)).any()
    attacked = report["autoattack-monitor"].accuracy
    assert 0 < report.certificate.accuracy <= attacked
    assert attacked <= report["pgd20"].accuracy <= report["natural"].accuracy
    assert report["natural"].accuracy < 1
    # What is proven does not count as an attack.
    assert report.robust_accuracy == attacked


def test_text_and_json_name_it(report, tmp_path):
    *_, last = report.cells()
    found = report.certificate
    assert last[:3] == [
        "certified crown-ibp",
        f"{100 * found.accuracy:.2f} %",
        f"{found.correct}/24",
    ]
    report.save(tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text())["certificate"]
    assert data["method"] == "crown-ibp" and data["of_classifier"]
    assert data["certified"] == list(np.flatnonzero(found.certified))
    assert len(data["margin"]) == 24
    header, row = compare_reports({"net": report})
    assert header[-1] == last[0] and row[-1] == last[1]
    frame = report.to_pandas()
    assert frame["correct"].iloc[-1] == found.correct
    images = report.to_pandas(per_image=True)
    assert images["certified crown-ibp"].sum() == found.correct


def test_intervals_prove_no_more_and_do_not_depend_on_the_batch(judged, report):
    small = dk.certify(*judged, "ibp", eps=EPS, batch_size=5).certificate
    whole = dk.certify(*judged, "ibp", eps=EPS).certificate
    assert small.certified == whole.certified
    np.testing.assert_allclose(small.bounds, whole.bounds, atol=1e-9)
    better = np.array(report.certificate.bounds)
    assert (better >= np.array(whole.bounds) - 1e-9).all()
    assert whole.correct <= report.certificate.correct


def test_no_radius_certifies_what_is_right(judged):
    report = dk.certify(*judged, eps=0.0)
    right = ~np.array(report["natural"].broken)
    assert list(report.certificate.certified) == right.tolist()


def test_smoothing_certifies_another_classifier(judged):
    net, (x, y) = judged
    data = x[:4], y[:4]
    settings = {"sigma": 0.1, "draws": 200, "eps": 0.05}
    report, again = (
        dk.certify(net, data, "smoothing", batch_size=size, **settings)
        for size in (128, 40)
    )
    found = report.certificate
    assert found == dataclass_without_seconds(again.certificate, found)
    assert report.norm == "l2" and found.unit == "radius"
    assert found.certified == tuple(radius > 0.05 for radius in found.bounds)
    assert [caution.code for caution in report.cautions] == ["smoothed"]
    assert max(found.bounds) > 0


def test_a_table_gives_shards_their_intervals(report):
    whole = replace(report, whole=True)
    shard = Shard(1, 2, 48, 4, (8, 8, 3), 1.0)
    table = compare_reports({"a": whole, "b": replace(whole, shard=shard)})
    assert "(" not in "".join(table[1]) and all("(" in c for c in table[2][1:])


class Subclassed(keras.Model):
    """A model that no attack can search in another type."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def call(self, x):
        return self.net(x)


def test_smoothing_votes_in_the_models_own_type(judged):
    net, (x, y) = judged
    context = context_of(
        Subclassed(net), x[:2], y[:2], L2(0.05), search_dtype="bfloat16"
    )
    with pytest.raises(ValueError, match="another precision"):
        assert context.frozen_predictor
    smoothing = SmoothingCertifier.of(sigma=0.1, draws=100)
    own = replace(context, search_dtype=None)
    assert smoothing(context).bounds == smoothing(own).bounds


def dataclass_without_seconds(found, other):
    return Certificate(**{**vars(found), "seconds": other.seconds})


def test_an_attack_on_a_proven_image_is_a_defect():
    proven = Certificate("ibp", "", (True,) * 4, (1.0,) * 4, "margin")
    results = [
        AttackResult("pgd20", "", (False, True, False, False)),
        AttackResult("fab", "", (False, True, False, True)),
    ]
    (defect,) = certificate_cautions(proven, results)
    assert defect.to_json()["level"] == "error"
    assert str(defect).startswith("error: certificate_broken: ")
    assert str(defect).endswith("Positions: 1 (fab), 3 (fab)")
    assert certificate_cautions(proven, results[:0]) == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "crown"}, "Did you mean 'crown-ibp'"),
        ({"method": "ibp", "sigma": 0.1}, "`sigma` is a setting of smoothing"),
        ({"method": "ibp", "draws": 10}, "`draws` is a setting of smoothing"),
        ({"method": "smoothing"}, "`sigma` must be given"),
        ({"method": "smoothing", "sigma": -1.0}, "greater than 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(judged, settings, said):
    with pytest.raises(ValueError, match=said) as error:
        dk.certify(*judged, **settings)
    assert "\n" not in str(error.value)


def test_other_norms_and_shards_are_refused(judged):
    with pytest.raises(ValueError, match="certifies linf balls"):
        dk.evaluate(*judged, norm="l2", certify="ibp")
    with pytest.raises(ValueError, match="`certify` takes all images"):
        dk.evaluate(*judged, certify="ibp", shard=(1, 2))


def test_layers_of_little_precision_are_refused():
    half = layers.Conv2D(2, 3, dtype="mixed_bfloat16", name="half")
    net = keras.Sequential(
        [keras.Input((8, 8, 3)), half, layers.Flatten(), layers.Dense(2)]
    )
    with pytest.raises(ValueError, match="'half' computes in bfloat16"):
        certifier_of("ibp").check(net)


def test_a_wrong_bound_is_found(judged, monkeypatch):
    """With its sign changed, an attack contradicts it."""
    right = certifiers.IBP.margins

    class Wrong(certifiers.IBP):
        def margins(self, computation, box, y):
            return -right(self, computation, box, y)

    monkeypatch.setitem(certifiers.CERTIFIERS, "ibp", Wrong)
    report = dk.evaluate(*judged, "fgsm", eps=0.1, certify="ibp")
    assert "certificate_broken" in [c.code for c in report.cautions]
    assert "error: certificate_broken" in str(report)


def test_the_command_knows_the_names():
    assert tuple(_names.CERTIFIERS) == tuple(CERTIFIERS)
