"""Two reports on the same images, compared image by image."""

import copy
import itertools

import pytest

from dat_keras.comparison.paired_differences import paired_differences
from dat_keras.comparison.report_files import short_names
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.mcnemar import mcnemar


def report(**broken):
    """A report of flags by attack."""
    results = tuple(
        AttackResult(name, f"{name}()", tuple(map(bool, flags)))
        for name, flags in broken.items()
    )
    fields = {"model": "0" * 64, "data": "toy/test", "whole": True}
    return Report(
        results,
        **fields,
        data_fingerprint="1" * 64,
        norm="linf",
        eps=8 / 255,
        protocol="strict",
        seed=0,
        batch_size=128,
        cautions=(),
        versions={},
    )


OLD = report(natural=[0, 0, 1, 1, 0], fgsm=[0, 1, 1, 1, 1])
NEW = report(natural=[0, 1, 0, 0, 0], fgsm=[1, 1, 0, 0, 0])


def test_counts_are_of_images_that_one_alone_gets_right():
    table = paired_differences({"old": OLD, "new": NEW})
    assert table.baseline == "old"
    natural, fgsm = table.rows
    assert (natural.model, natural.attack) == ("new", "natural")
    assert (natural.alone, natural.baseline_alone) == (2, 1)
    assert (natural.correct, natural.baseline_correct) == (4, 3)
    assert natural.difference == pytest.approx(0.2)
    assert (fgsm.alone, fgsm.baseline_alone, fgsm.total) == (3, 1, 5)
    assert fgsm.p_value == mcnemar(3, 1)
    low, high = fgsm.interval
    assert low < 0.4 < high


def test_reports_and_their_plain_data_are_one():
    plain = {"old": OLD.to_json(), "new": NEW.to_json()}
    given = {"old": OLD, "new": NEW}
    assert paired_differences(plain) == paired_differences(given)


def test_swapping_the_two_turns_the_sign():
    one = paired_differences({"old": OLD, "new": NEW}).rows
    other = paired_differences({"new": NEW, "old": OLD}).rows
    for row, back in zip(one, other, strict=True):
        assert back.difference == pytest.approx(-row.difference)
        assert back.p_value == row.p_value
        low, high = row.interval
        assert back.interval == pytest.approx((-high, -low))


def test_every_other_report_is_compared_with_the_first():
    table = paired_differences({"a": OLD, "b": NEW, "c": OLD})
    assert [(row.model, row.attack) for row in table.rows] == list(
        itertools.product("bc", ("natural", "fgsm"))
    )
    assert {row.p_value for row in table.rows[2:]} == {1.0}
    assert "not corrected for the 4 comparisons" in str(table)


def test_attacks_that_one_report_lacks_are_named():
    new = report(natural=[0, 1, 0, 0, 0], cw=[1, 1, 1, 1, 1])
    table = paired_differences({"old": OLD, "new": new})
    assert [row.attack for row in table.rows] == ["natural"]
    assert "not compared: fgsm, cw." in table.notes()[-1]
    alone = report(cw=[1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="no attack in common"):
        paired_differences({"old": OLD, "new": alone})


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("eps", 4 / 255, "eps differ"),
        ("norm", "l2", "norm differ"),
        ("protocol", "reference", "protocol differ"),
        ("n_examples", 4, "n_examples differ"),
        ("data", {"name": "toy/test", "sha256": "2"}, "images differ"),
    ],
)
def test_other_settings_and_images_are_refused(field, value, line):
    other = {**NEW.to_json(), field: value}
    with pytest.raises(ValueError, match=line):
        paired_differences({"old": OLD, "new": other})


def test_other_settings_of_an_attack_are_refused():
    other = copy.deepcopy(NEW.to_json())
    other["attacks"]["fgsm"]["settings"] = "fgsm(steps=2)"
    with pytest.raises(ValueError, match="settings of fgsm differ"):
        paired_differences({"old": OLD, "new": other})


def test_a_shard_is_refused():
    other = {**NEW.to_json(), "shard": {"index": 1}}
    with pytest.raises(ValueError, match="merge-reports"):
        paired_differences({"old": OLD, "new": other})


def test_one_report_is_refused():
    with pytest.raises(ValueError, match="two or more"):
        paired_differences({"old": OLD})


@pytest.mark.parametrize("field", ["attacks", "data", "eps", "whole"])
def test_a_damaged_report_is_refused(field):
    other = OLD.to_json()
    del other[field]
    with pytest.raises(DamagedFileError, match="is no report"):
        paired_differences({"old": other, "new": other})


def test_names_are_paths_without_what_they_share(tmp_path):
    paths = [tmp_path / "a" / "pgd-at-seed0", tmp_path / "a" / "dat.json"]
    assert short_names(paths) == ["pgd-at-seed0", "dat"]
