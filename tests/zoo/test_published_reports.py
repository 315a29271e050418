"""Which files `push --report` takes, and what is published of them."""

import json

import pytest
from huggingface_hub import ModelCard

from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.corruption_report import (
    CorruptedAccuracy,
    CorruptionReport,
)
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.results import Caution
from dat_keras.evaluation.unions import evaluate_union
from dat_keras.training.run_info import load_classifier
from dat_keras.zoo.bundle.write import from_run, write_bundle
from dat_keras.zoo.cards.accuracies import accuracies, headline
from dat_keras.zoo.cards.reports import read_reports, reports_of
from dat_keras.zoo.cards.results import results
from dat_keras.zoo.errors import RefusedContentError


@pytest.fixture(scope="module")
def union(run, split):
    """In two norms; FGSM with an eps so large that the union tells."""
    return evaluate_union(
        load_classifier(run).model,
        split,
        "natural,fgsm",
        norm="linf,l2",
        eps={"linf": 8 / 255, "l2": 3.0},
    ).to_json()


@pytest.fixture(scope="module")
def bundle(run, union, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "r.json").write_text(json.dumps(union))
    made = from_run(run, "best", [folder / "r.json"])
    (folder / "net").mkdir()
    write_bundle(made, folder / "net", "alice/net", "mit")
    return folder / "net"


def test_a_shard_is_not_published_as_the_whole(run, split, push, tmp_path):
    whole = tmp_path / "whole.json"
    half = evaluate(load_classifier(run).model, split, "natural", shard=(1, 2))
    half.save(whole)
    with pytest.raises(RefusedContentError, match="merge-reports"):
        read_reports(whole)
    refused = push("--report", whole, code=6)
    assert "a part of the images" in refused.stderr


def test_a_file_of_compare_has_the_report_of_the_checkpoint(report, tmp_path):
    ours = json.loads(report.read_text())
    other = {**ours, "model": {**ours["model"], "sha256": "0" * 64}}
    file = tmp_path / "evaluation.json"
    file.write_text(json.dumps({"reports": {"best": ours, "last": other}}))
    assert read_reports(file) == [ours, other]
    corrupted = {"last": {"n_examples": 4}}
    file.write_text(
        json.dumps(
            {"reports": {"best": ours, "last": other}, "corrupted": corrupted}
        )
    )
    assert read_reports(file) == [
        ours,
        {**other, "corruptions": corrupted["last"]},
    ]
    assert reports_of([file], [ours["model"]["sha256"]]) == [ours]
    with pytest.raises(RefusedContentError, match="other weights"):
        reports_of([file], ["1" * 64])


def test_several_norms_are_runs_with_their_union(bundle, union):
    table = json.loads((bundle / "eval" / "results.json").read_text())
    assert [(r["norm"], r["eps_text"]) for r in table["runs"]] == [
        ("linf", "8/255"),
        ("l2", "3"),
    ]
    for run, norm in zip(table["runs"], ("linf", "l2"), strict=True):
        assert run["attacks"] == union["norms"][norm]["attacks"]
    (found,) = table["unions"]
    assert found["attacks"] == union["union"]["attacks"]
    assert [(b["norm"], b["eps_text"]) for b in found["norms"]] == [
        ("linf", "8/255"),
        ("l2", "3"),
    ]


def test_the_card_shows_each_norm_and_the_union(bundle, union):
    text = (bundle / "README.md").read_text()
    linf, l2, both = (
        text.index(f"{ball}, protocol strict")
        for ball in (
            "linf eps 8/255",
            ", l2 eps 3",
            "union of linf eps 8/255, l2 eps 3",
        )
    )
    assert linf < l2 < both
    named = {
        (m.metric_name, m.metric_value)
        for m in ModelCard(text).data.eval_results
    }
    for ball, attacks in (
        ("Linf 8/255", union["norms"]["linf"]["attacks"]),
        ("L2 3", union["norms"]["l2"]["attacks"]),
        ("union of Linf 8/255, L2 3", union["union"]["attacks"]),
    ):
        value = round(100 * attacks["fgsm"]["accuracy"], 2)
        assert (f"Robust accuracy, fgsm, {ball}", value) in named
    natural = union["union"]["attacks"]["natural"]["accuracy"]
    assert {v for n, v in named if n == "Clean accuracy"} == {100 * natural}


def test_info_tells_norms_apart(bundle, cli):
    said = json.loads(cli("info", bundle, "--json").stdout)
    assert set(said["accuracy"]) == {
        "natural",
        "fgsm",
        "fgsm (l2 3)",
        "fgsm (union of linf 8/255, l2 3)",
    }


def test_of_one_threat_model_the_report_on_most_images_counts():
    def run(eps, correct, total):
        row = {"accuracy": correct / total, "correct": correct, "total": total}
        rows = {"natural": row, "pgd20": row}
        return {"norm": "linf", "eps": eps, "attacks": rows}

    table = results(
        "0", [run(8 / 255, 1, 4), run(4 / 255, 3, 8), run(8 / 255, 1, 8)]
    )
    found = accuracies(table)
    assert {name: text[:7] for name, text in found.items()} == {
        "natural": "37.50 %",
        "pgd20 (linf 4/255)": "37.50 %",
        "pgd20": "12.50 %",
    }
    assert headline(table) == "natural 37.50 %, pgd20 12.50 %"


def test_cautions_certificate_and_corruptions_are_published(
    run, report, cli, tmp_path
):
    measured = json.loads(report.read_text())
    measured["warnings"] = [Caution("masking", "Square broke more.").to_json()]
    proven = (True, False, False, False)
    measured["certificate"] = Certificate(
        "ibp", "", proven, (0.5, -1.0, -1.0, -1.0), "margin"
    ).to_json()
    rows = (CorruptedAccuracy("fog", 3, {"natural": 3}),)
    measured["corruptions"] = CorruptionReport(
        rows, 4, "cifar10", ("natural",), 0
    ).to_json()
    (tmp_path / "r.json").write_text(json.dumps(measured))
    made = from_run(run, "best", [tmp_path / "r.json"])
    (tmp_path / "net").mkdir()
    write_bundle(made, tmp_path / "net", "alice/net", "mit")
    text = (tmp_path / "net" / "README.md").read_text()
    assert "\n- masking: Square broke more.\n" in text
    (line,) = (each for each in text.splitlines() if "| certified ibp" in each)
    assert "25.00 %" in line
    (line,) = (each for each in text.splitlines() if "| fog" in each)
    assert "75.0" in line
    named = {
        m.metric_name: m.metric_value for m in ModelCard(text).data.eval_results
    }
    assert named["Certified accuracy, ibp, Linf 8/255"] == 25.0
    said = json.loads(cli("info", tmp_path / "net", "--json").stdout)
    assert said["accuracy"]["certified ibp"].startswith("25.00 % (1/4")
    assert said["caution"] == {"masking": "Square broke more."}
    told = cli("info", tmp_path / "net").stdout
    assert "caution masking" in told
