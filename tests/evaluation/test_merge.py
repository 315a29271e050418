"""Reports of shards make the report of an evaluation in one piece."""

import copy
import json

import numpy as np
import pytest
from short_ensemble import quick
from toy_nets import opinionated

from dat_keras.cli._evaluation_types import ShardType
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.merge import merge_reports
from dat_keras.evaluation.shard import rows_of
from dat_keras.utils.errors import DamagedFileError

ATTACKS = ("natural", "fgsm", "pgd20", "autoattack")


@pytest.fixture(scope="module")
def run():
    """Evaluates 20 images, or a shard of them; returns plain data."""
    model, x, y = opinionated((8, 6, 1))

    def evaluated(shard=None, total=20, **options):
        options = {"eps": 0.03, "batch_size": 8, **options}
        report = evaluate(
            model, (x[:total], y[:total]), ATTACKS, shard=shard, **options
        )
        return report.to_json()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "dat_keras.evaluation.suites.standard", lambda b: quick(b, 6, 60)
        )
        yield evaluated


@pytest.fixture(scope="module")
def whole(run):
    return run()


@pytest.fixture(scope="module")
def shards(run):
    return {f"{i}.json": run((i, 3)) for i in (1, 2, 3)}


def timeless(data):
    """A report without its seconds and its day."""
    if isinstance(data, dict):
        return {
            key: timeless(value)
            for key, value in data.items()
            if key not in ("seconds", "date")
        }
    return [timeless(v) for v in data] if isinstance(data, list) else data


def test_a_shard_does_not_depend_on_how_many_images_follow(run, shards):
    """So an evaluation of the first images can be continued to more."""
    few, many = run((1, 1), total=6), shards["1.json"]
    assert timeless(few["attacks"]) == timeless(many["attacks"])


def test_the_report_of_all_shards_is_that_of_one_piece(whole, shards):
    merged = merge_reports(shards).to_json()
    assert timeless(merged) == timeless(whole)
    read = json.loads(json.dumps(shards))
    assert timeless(merge_reports(read).to_json()) == timeless(whole)
    row = merged["attacks"]["autoattack"]
    # It took something: images fell to several parts, and some stand.
    assert len(set(row["broken_by"])) > 2 and None in row["broken_by"]
    assert row["forwards"] == sum(
        s["attacks"]["autoattack"]["forwards"] for s in shards.values()
    )
    backwards = dict(reversed(shards.items()))
    assert timeless(merge_reports(backwards).to_json()) == timeless(whole)


def test_a_shard_says_which_images_it_is_of(shards):
    sizes = [report["n_examples"] for report in shards.values()]
    assert sizes == [6, 7, 7]
    assert len({r["data"]["sha256"] for r in shards.values()}) == 1


@pytest.mark.parametrize(("count", "total"), [(1, 1), (3, 20), (7, 7), (4, 9)])
def test_shards_cover_every_image_once(count, total):
    rows = [rows_of((i, count), total) for i in range(1, count + 1)]
    found = np.concatenate([np.arange(total)[part] for part in rows])
    assert found.tolist() == list(range(total))
    assert max(len(range(total)[r]) for r in rows) <= -(-total // count)


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 21), (-1, 3)])
def test_a_shard_that_is_none_is_refused(run, shard):
    with pytest.raises(ValueError, match="1 <= i <= n <= 20"):
        run(shard)


def changed(report, **fields):
    return {**copy.deepcopy(report), **fields}


def test_reports_that_do_not_belong_together_are_refused(shards):
    one, two, three = shards.values()
    other = changed(two, seed=1)
    dtype = copy.deepcopy(two)
    dtype["shard"]["sanity"] = [{"code": "search_dtype", "advice": ""}]
    four = copy.deepcopy(three)
    four["shard"]["count"] = 4
    for result in four["attacks"].values():
        for each in (result, *result["parts"].values()):
            each["broken"] = []
    for reports, message in [
        ({"a": one, "c": three}, "2/3 missing"),
        ({"a": one, "b": two, "c": three, "d": one}, "1/3 given twice"),
        ({"a": one, "b": other, "c": three}, "`seed` of b differs"),
        ({"a": one, "b": dtype, "c": three}, "`warnings` of b differs"),
        ({"a": one, "b": two, "c": four}, "c is 3/4 of 20 images"),
    ]:
        with pytest.raises(ValueError, match=message):
            merge_reports(reports)


def test_shards_of_other_layers_are_refused_and_plain_data_taken(shards):
    one, two, three = shards.values()
    other = copy.deepcopy(two)
    assert len(other["shard"]["function"]) == 64
    other["shard"]["function"] = "0" * 64
    with pytest.raises(ValueError, match="classifier of b.*other layers"):
        merge_reports({"a": one, "b": other, "c": three})
    other["shard"]["function"] = [["x"]]
    with pytest.raises(DamagedFileError, match="b is not the report"):
        merge_reports({"a": one, "b": other, "c": three})


def test_other_files_are_refused(whole, shards):
    for bad in (
        {},
        [],
        None,
        3,
        {"shard": 1},
        {**shards["1.json"], "attacks": {}},
        {
            **shards["1.json"],
            "shard": {**shards["1.json"]["shard"], "total": 10**40},
        },
        whole,
        changed(shards["1.json"]),
    ):
        if bad == shards["1.json"]:
            del bad["attacks"]["pgd20"]["broken"]
        with pytest.raises(DamagedFileError, match="--shard i/n --json"):
            merge_reports({**shards, "bad.json": bad})


def test_a_norm_and_a_position_that_do_not_exist(shards):
    other = {name: {**shard, "norm": "Linf"} for name, shard in shards.items()}
    with pytest.raises(ValueError, match="Unknown norm 'Linf'"):
        merge_reports(other)
    bad = changed(shards["1.json"])
    bad["attacks"]["pgd20"]["broken"] = [-1]
    with pytest.raises(DamagedFileError, match="--shard i/n --json"):
        merge_reports({**shards, "1.json": bad})


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "1/2/3"])
def test_a_shard_is_written_i_of_n(text):
    with pytest.raises(Exception, match="such as 2/8"):
        ShardType().convert(text, None, None)
