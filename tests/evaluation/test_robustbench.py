"""Entries for RobustBench say what was measured, and nothing else."""

import pytest

from dat_keras.core.threat_models import L2, Linf
from dat_keras.corruptions import SEVERITIES, STANDARD
from dat_keras.evaluation.corruption_report import (
    CorruptedAccuracy,
    CorruptionReport,
)
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.evaluation.robustbench import corruption_entry, entries, entry
from dat_keras.evaluation.shard import Shard
from dat_keras.evaluation.suites import EVALUATIONS


def rows_of(threat_model):
    suite = EVALUATIONS["autoattack"](threat_model)
    return (
        AttackResult("natural", "", (True, False, False)),
        AttackResult("autoattack", repr(suite), (True, True, False)),
    )


ROWS = rows_of(Linf(8 / 255))


def report(results=ROWS, **changes):
    fields = {
        "model": "0" * 64,
        "data": "cifar10/test",
        "data_fingerprint": "1" * 64,
        "whole": True,
        "norm": "linf",
        "eps": 8 / 255,
        "protocol": "strict",
        "seed": 0,
        "batch_size": 128,
        "cautions": (),
        "versions": {},
    }
    return Report(results, **(fields | changes)).to_json()


def test_numbers_are_strings_in_percent():
    found = entry(report())
    assert found["clean_acc"] == "66.67" and found["autoattack_acc"] == "33.33"
    assert found["eps"] == "8/255" and found["dataset"] == "cifar10"
    assert found["footnote"] is None
    l2 = report(rows_of(L2(0.5)), norm="l2", eps=0.5)
    assert entry(l2)["eps"] == "0.5"


def test_every_field_of_the_format_is_there():
    names = (
        "link name authors additional_data number_forward_passes dataset venue "
        "architecture eps clean_acc reported autoattack_acc footnote"
    )
    found = entry(report(data="mine"))
    assert list(found) == names.split()
    known = {k for k, value in found.items() if value is not None}
    assert known == {"eps", "clean_acc", "autoattack_acc"}


def test_extra_images_are_additional_data():
    extra = {"source": "1m.npz", "fraction": 0.7, "labels": None}
    for training, expected in [
        ({}, None),
        ({"epochs": 3}, False),
        ({"extra": extra | {"source": None}}, False),
        ({"extra": extra}, True),
    ]:
        found = entry(report(), training=training)
        assert found["additional_data"] is expected


def corrupted(names=STANDARD, severities=SEVERITIES, table="published"):
    rows = tuple(
        CorruptedAccuracy(name, s, {"natural": 6 - s})
        for name in names
        for s in severities
    )
    found = CorruptionReport(rows, 10, table, ("natural",))
    return report(ROWS[:1], corruptions=found)


def test_corruptions_have_a_leaderboard_of_their_own():
    found = corruption_entry(corrupted())
    # 5, 4, 3, 2 and 1 of 10.
    assert found["corruptions_acc"] == "30.00"
    assert found["clean_acc"] == "66.67" and found["eps"] is None
    assert list(found) == [
        n.replace("autoattack", "corruptions") for n in entry(report())
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"names": STANDARD[1:]},
        {"severities": (1, 2, 3, 4)},
        {"table": "cifar10"},
    ],
)
def test_other_corruptions_are_refused(change):
    with pytest.raises(ValueError, match="all standard corruptions"):
        corruption_entry(corrupted(**change))


def test_a_report_without_autoattack_is_refused():
    with pytest.raises(ValueError, match="needs the attack `autoattack`"):
        entry(report(ROWS[:1]))


def test_another_attack_by_the_name_of_the_suite_is_refused():
    for other in ("PGD()", ROWS[1].settings.replace("5000", "50")):
        rows = ROWS[0], AttackResult("autoattack", other, (False, False, False))
        with pytest.raises(ValueError, match="unchanged suite"):
            entry(report(rows))
    with pytest.raises(ValueError, match="unchanged suite"):
        entry(report(eps=4 / 255))


def test_a_report_of_a_search_in_another_type_is_refused():
    caution = Caution("search_dtype", "")
    with pytest.raises(ValueError, match="model's own type"):
        entry(report(cautions=(caution,)))


def test_one_shard_has_no_entry():
    shard = Shard(1, 2, 6, 10, (32, 32, 3), 1.0)
    for make, data in (
        (entry, report(shard=shard)),
        (corruption_entry, {**corrupted(), "shard": shard.to_json()}),
    ):
        with pytest.raises(ValueError, match="a report of all images"):
            make(data)
    assert entries([report(shard=shard)], "wrn-28-10") == []


def test_a_published_model_has_entries_of_the_standard_suite_alone():
    lowered = report(cautions=(Caution("search_dtype", ""),))
    reports = [report(), report(ROWS[:1]), lowered, report(eps=4 / 255)]
    assert entries(reports, "wrn-28-10") == [
        entry(report()) | {"architecture": "wrn-28-10"}
    ]
