"""Minimal distances of an evaluation, and the curves made of them."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from contexts import context_of
from toy_nets import opinionated

from dat_keras.attacks import FMN, MINIMUM_NORM
from dat_keras.core.threat_models import L1, L2, Linf
from dat_keras.evaluation import resume_state
from dat_keras.evaluation.eps_curve import accuracy_within
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.merge import merge_reports
from dat_keras.evaluation.minimal_distances import MinimalDistances
from dat_keras.evaluation.minimum_norm import STRETCHES, MinimumNorm
from dat_keras.utils.errors import DamagedFileError

EPS = 0.02
RADII = (0.0, 0.005, 0.01, EPS, 0.04, 1.0)
ORDERS = {Linf: np.inf, L2: 2, L1: 1}


@pytest.fixture(scope="module")
def subject():
    model, x, y = opinionated((8, 6, 1))
    return model, x[:20], y[:20]


@pytest.fixture(scope="module")
def report(subject):
    model, x, y = subject
    return evaluate(model, (x, y), "fab,fmn", eps=EPS, eps_curve=RADII)


def test_the_curve_is_natural_at_0_never_rises_and_agrees_at_eps(report):
    natural = report["natural"].accuracy
    assert list(report.eps_curve.accuracy) == ["fab", "fmn"]
    for name, curve in report.eps_curve.accuracy.items():
        assert curve[0] == natural and curve[-1] == 0.0
        assert list(curve) == sorted(curve, reverse=True)
        assert curve[RADII.index(EPS)] == report[name].accuracy
        assert 0 < report[name].accuracy < natural
        values = np.array(report[name].distances.values)
        np.testing.assert_array_equal(values <= EPS + 1e-6, report[name].broken)
        assert (values == 0).tolist() == list(report["natural"].broken)


def test_both_attacks_find_about_the_same_distances(report):
    fab, fmn = (np.array(report[n].distances.values) for n in ("fab", "fmn"))
    np.testing.assert_allclose(fab, fmn, rtol=0.15)


def test_the_report_holds_and_shows_them(report):
    data = json.loads(json.dumps(report.to_json()))
    kept = data["attacks"]["fmn"]["distances"]
    assert kept["norm"] == "linf" and len(kept["values"]) == 20
    assert kept["median"] == np.median(kept["values"])
    assert data["eps_curve"]["eps"] == list(RADII)
    assert "distances" not in data["attacks"]["natural"]
    text = str(report)
    assert "fmn: median distance" in text and "in linf" in text
    assert "\neps" in text and "255/255" in text


@pytest.mark.parametrize("ball", [Linf(1.0), L2(9.0), L1(48.0)])
def test_distances_are_the_norms_of_images_that_are_misclassified(
    subject, ball
):
    model, x, y = subject
    context = context_of(model, x, y, ball, keep_images=True)
    result = MinimumNorm(FMN(ball, steps=20))("fmn", context)
    change = (result.x_adv.astype(float) - x.astype(float)).reshape(20, -1)
    length = np.linalg.norm(change, ORDERS[type(ball)], axis=-1)
    found = np.isfinite(result.distances.values)
    measured = np.where(found, result.distances.values, 0.0)
    np.testing.assert_allclose(measured, length, rtol=1e-9)
    assert list(result.broken) == found.tolist()
    assert (length > 0).sum() >= 12
    wrong = context.logits(result.x_adv).argmax(-1) != y
    assert np.array_equal(wrong, found)
    assert result.max_distance == measured.max()
    assert result.forwards == result.gradients == 16 * 20


def test_what_is_not_found_is_null_and_robust_at_every_radius(subject):
    model, x, y = subject
    ball = Linf(0.5)
    context = context_of(model, x, y, ball, keep_images=True)
    # The only iterate is the clean image.
    result = MinimumNorm(FMN(ball, steps=1))("fmn", context)
    found = result.distances
    assert found.missing == 16 and math.isinf(found.median)
    assert found.to_json()["median"] is None
    assert found.to_json()["values"].count(None) == 16
    assert accuracy_within(found, 1.0) == result.accuracy == 0.8
    np.testing.assert_array_equal(result.x_adv, x)
    unkept = replace(context, keep_images=False)
    assert MinimumNorm(FMN(ball, steps=1))("fmn", unkept).x_adv is None


def test_an_image_at_the_boundary_is_stretched_until_it_is_misclassified(
    subject, monkeypatch
):
    model, x, y = subject
    ball = Linf(1.0)
    context = context_of(model, x, y, ball)
    search = MinimumNorm(FMN(ball, steps=20))
    far = np.array(search("fmn", context).distances.values)

    def nearest(self, predict, x, y, key, enough=0.0):
        found, distance = whole(self, predict, x, y, key, enough)
        return x + (found - x) * 0.995, distance

    whole = FMN.nearest
    monkeypatch.setattr(FMN, "nearest", nearest)
    near = np.array(search("fmn", context).distances.values)
    assert STRETCHES[-1] * 0.995 > 1 and np.isfinite(near).all()
    # Stretched by 1.01 where 0.995 of the way is not enough.
    assert (near >= far * 0.994).all() and (near <= far * 1.006).all()


def test_merged_shards_are_one_piece(subject):
    model, x, y = subject

    def run(shard=None, radii=(0.0, EPS)):
        report = evaluate(
            model, (x, y), "fmn", eps=EPS, shard=shard, eps_curve=radii
        )
        return json.loads(json.dumps(report.to_json()))

    whole, parts = run(), {f"{i}.json": run((i, 2)) for i in (1, 2)}
    merged = merge_reports(parts).to_json()
    assert merged["eps_curve"] == whole["eps_curve"]
    assert (
        merged["attacks"]["fmn"]["distances"]
        == (whole["attacks"]["fmn"]["distances"])
    )
    parts["2.json"]["eps_curve"]["eps"] = [0.0, 1.0]
    with pytest.raises(ValueError, match="`eps_curve` of 2.json differs"):
        merge_reports(parts)
    del parts["1.json"]["attacks"]["fmn"]["distances"]["values"][0]
    with pytest.raises(DamagedFileError, match="1.json is not the report"):
        merge_reports(parts)


def test_it_resumes_after_the_last_batch(subject, tmp_path, monkeypatch):
    monkeypatch.setattr(resume_state, "SECONDS", 0.0)
    model, x, y = subject
    settings = {"eps": EPS, "batch_size": 8}

    class Cut(Exception):
        """The end of a process."""

    def cut(name, done, total):
        if name == "fmn":
            raise Cut

    with pytest.raises(Cut):
        evaluate(
            model, (x, y), "fmn", resume=tmp_path, progress=cut, **settings
        )
    told = []
    resumed = evaluate(
        model,
        (x, y),
        "fmn",
        resume=tmp_path,
        progress=lambda name, done, total: told.append((name, done)),
        **settings,
    )
    assert ("fmn", 16) in told and ("fmn", 8) not in told
    whole = evaluate(model, (x, y), "fmn", **settings)
    assert resumed["fmn"].distances == whole["fmn"].distances
    assert resumed["fmn"].forwards == whole["fmn"].forwards == 1600


@pytest.mark.parametrize(
    ("attacks", "radii", "message"),
    [
        ("fmn,pgd20", (0.1,), "such as `fab` and `fmn`. Received: pgd20"),
        ("natural", (0.1,), "Received: natural"),
        ("fmn", (0.2, 0.1), "rising order"),
        ("fmn", (), "rising order"),
        ("fmn", (0.1, 8.0), "in \\[0, 1\\]"),
    ],
)
def test_curves_that_cannot_be_made_are_refused(
    subject, attacks, radii, message
):
    model, x, y = subject
    with pytest.raises(ValueError, match=message):
        evaluate(model, (x, y), attacks, eps_curve=radii)


def test_text_of_medians_and_names():
    assert set(MINIMUM_NORM) == {"fab", "fmn"}
    text = MinimalDistances("l2", (0.0, math.inf, math.inf)).text()
    assert text.startswith("median distance more than was found in l2")
