"""Reports and Wilson intervals."""

import json
from dataclasses import replace

import pytest

from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.evaluation.shard import Shard
from dat_keras.utils.intervals import wilson
from dat_keras.utils.norms import pixel_fraction


# The four of Newcombe (1998), Table I, whose ends are printed there.
@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_published_intervals(correct, total, low, high):
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_by_hand():
    # p = 1/2, n = 10: the centre is 1/2, the width z / sqrt(n + z^2).
    low, high = wilson(5, 10)
    assert high - low == pytest.approx(1.959964 / 13.841459**0.5, abs=1e-6)
    assert low + high == pytest.approx(1.0)
    # No success: the interval ends at z^2 / (n + z^2).
    assert wilson(0, 10) == pytest.approx((0.0, 3.841459 / 13.841459), abs=1e-6)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


@pytest.mark.parametrize(("correct", "total"), [(-1, 2), (3, 2), (0, 0)])
def test_wilson_refuses_impossible_counts(correct, total):
    with pytest.raises(ValueError, match="Received: correct="):
        wilson(correct, total)


def report(whole=False, cautions=()):
    rows = (
        AttackResult(
            "natural", "NoAttack()", (False, True, False, False), 0.0, 0.5
        ),
        AttackResult(
            "fgsm", "PGD(...)", (True, True, False, False), 0.03, 1.25
        ),
        AttackResult(
            "pgd20", "PGD(...)", (False, True, True, False), 0.03, 12.0
        ),
    )
    return Report(
        rows,
        "a" * 64,
        "toy/test",
        "b" * 64,
        whole,
        "linf",
        8 / 255,
        "strict",
        3,
        128,
        cautions,
        {"keras": "3"},
    )


def test_table_is_aligned_text_with_intervals_for_a_part():
    assert report().table().splitlines() == [
        "the first 4 images of toy/test, linf eps 8/255, protocol strict, "
        "seed 3",
        "attack      accuracy    95 % interval    correct    seconds",
        "natural      75.00 %    30.1 - 95.4 %        3/4        0.5",
        "fgsm         50.00 %    15.0 - 85.0 %        2/4        1.2",
        "pgd20        50.00 %    15.0 - 85.0 %        2/4       12.0",
    ]


def test_no_interval_for_all_images():
    text = str(report(whole=True))
    assert text.startswith("all 4 images") and "interval" not in text


def test_cautions_follow_the_table():
    text = report(cautions=(Caution("train_mode", "Look."),)).table()
    assert text.endswith("\nwarning: train_mode: Look.")


def test_markdown():
    lines = report().markdown().splitlines()
    table = [line.replace(" ", "") for line in lines[2:5]]
    assert table[0] == "|attack|accuracy|95%interval|correct|seconds|"
    assert set(table[1]) == set("|:-")
    assert table[2] == "|natural|75.00%|30.1-95.4%|3/4|0.5|"


def test_a_data_frame_has_a_row_for_each_attack():
    frame = report().to_pandas()
    assert frame["attack"].tolist() == ["natural", "fgsm", "pgd20"]
    assert frame["part"].tolist() == [""] * 3
    assert frame["accuracy"].tolist() == [0.75, 0.5, 0.5]
    assert frame["seconds"].tolist() == [0.5, 1.25, 12.0]
    low, high = wilson(3, 4)
    assert (frame["low"][0], frame["high"][0]) == (low, high)
    assert set(frame["eps"]) == {8 / 255} and set(frame["seed"]) == {3}


def test_a_data_frame_has_a_row_for_each_part_of_an_ensemble():
    parts = (
        AttackResult("natural", "", (True, False, False)),
        AttackResult("apgd-ce", "", (True, True, False), 0.03, 2.0),
    )
    whole = AttackResult("autoattack", "", (True, True, False), parts=parts)
    frame = replace(report(), results=(whole,)).to_pandas()
    assert set(frame["attack"]) == {"autoattack"}
    assert frame["part"].tolist() == ["", "natural", "apgd-ce"]
    assert frame["correct"].tolist() == [1, 2, 1]


def test_a_data_frame_of_images_says_which_attack_broke_which():
    frame = report().to_pandas(per_image=True)
    assert frame["fgsm"].tolist() == [True, True, False, False]
    # The worst case of each image, by the frame alone.
    assert 1 - frame.any(axis=1).mean() == report().robust_accuracy
    part = Shard(2, 3, 12, 2, (1, 1, 1), 1.0)
    frame = replace(report(), shard=part).to_pandas(per_image=True)
    assert frame.index.tolist() == [4, 5, 6, 7]


def test_a_notebook_shows_title_table_and_cautions_escaped():
    value = report(cautions=(Caution("train_mode", "Look: a < b."),))
    html = replace(value, data="<b>toy</b>")._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;toy" in html
    assert html.count("<tr>") == 4 and "<td>75.00 %</td>" in html
    assert "<li>warning: train_mode: Look: a &lt; b.</li>" in html
    assert "<ul>" not in report()._repr_html_()


def test_rows_are_found_by_name():
    assert report()["fgsm"].accuracy == 0.5
    with pytest.raises(ValueError, match="Did you mean 'fgsm'"):
        report()["fgms"]


def test_robust_accuracy_is_the_worst_case_of_each_sample():
    assert report().robust_accuracy == 0.25


def test_json_survives_a_round_trip_and_holds_the_numbers(tmp_path):
    value = report(cautions=(Caution("train_mode", "Look."),))
    value.save(tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    assert data == value.to_json()
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]
    assert data["model"]["sha256"] == "a" * 64
    assert data["eps"] == 8 / 255 and data["norm"] == "linf"
    assert data["date"] is None
    assert data["warnings"] == [{"code": "train_mode", "advice": "Look."}]
    fgsm = data["attacks"]["fgsm"]
    assert (fgsm["correct"], fgsm["total"], fgsm["accuracy"]) == (2, 4, 0.5)
    assert fgsm["broken"] == [0, 1]
    assert fgsm["wilson95"] == pytest.approx([0.15003, 0.84997], abs=1e-5)


@pytest.mark.parametrize(
    ("eps", "text"),
    [
        *((8 / 255, "8/255"), (128 / 255, "128/255"), (0.5, "0.5"), (0.0, "0")),
        # Multiples of 51/255 are tenths; from 2 on nobody counts in 255ths.
        *((0.2, "0.2"), (0.6, "0.6"), (1.0, "1"), (1.2, "1.2")),
        *((2.0, "2"), (510.5 / 255, "2.00196"), (12.0, "12")),
    ],
)
def test_pixel_fraction(eps, text):
    assert pixel_fraction(eps) == text


@pytest.mark.parametrize(
    ("eps", "text"), [(1.0, "1"), (128 / 255, "128/255"), (0.25, "0.25")]
)
def test_radii_in_l2_are_not_fractions_of_255_unless_they_are(eps, text):
    found = replace(report(), norm="l2", eps=eps)
    assert f"l2 eps {text}, protocol" in str(found)
    assert f"l2 eps {text}, protocol" in found.markdown()
