"""References, plain JSON, cards: values without a Hub."""

import json
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from selection import first_of

from dat_keras.architectures import OWN
from dat_keras.utils.swish_depths import SWISH_DEPTHS
from dat_keras.zoo.bundle.folder import check_target
from dat_keras.zoo.bundle.read import build, read_folder
from dat_keras.zoo.bundle.shapes import NETS, shapes_of
from dat_keras.zoo.bundle.write import from_run, write_bundle
from dat_keras.zoo.cards.card import model_card
from dat_keras.zoo.cards.licenses import LICENSES
from dat_keras.zoo.cards.merge import merge_card
from dat_keras.zoo.cards.reports import read_reports
from dat_keras.zoo.cards.results import results
from dat_keras.zoo.cards.spec import ModelSpec, read_spec
from dat_keras.zoo.errors import BadReferenceError, ConflictError
from dat_keras.zoo.hub.reference import HubRef, parse

FORMAT_1 = Path(__file__).parents[1] / "gold" / "model_format_1"
FACTS = {"parameters": 1, "sha256": "0", "keras_copy": False, "provenance": {}}
SHA = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("a/b", HubRef("a/b")),
        ("a/b@main", HubRef("a/b", "main")),
        ("hf://a/b", HubRef("a/b")),
        (f"hf://a/b@{SHA}", HubRef("a/b", SHA)),
        ("a/b@refs/pr/1", HubRef("a/b", "refs/pr/1")),
        ("a_1/b.c-d", HubRef("a_1/b.c-d")),
        ("dat-cifar10", "dat-cifar10"),
    ],
)
def test_references(text, ref):
    assert parse(text) == ref


def test_only_a_full_commit_is_pinned():
    assert HubRef("a/b", SHA).pinned
    assert not HubRef("a/b", SHA[:7]).pinned and not HubRef("a/b").pinned


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        ("a/b@v1", "v2"),
        ("name", "v1"),
        ("name@v1", None),
        ("a/" + "b" * 99, None),
    ],
)
def test_references_that_cannot_be_meant(text, revision):
    with pytest.raises(BadReferenceError):
        parse(text, revision)


def test_the_same_run_gives_the_same_bytes(run, published, report, tmp_path):
    write_bundle(from_run(run, "best", [report]), tmp_path, "alice/net", "mit")
    for path, data in published.items():
        assert (tmp_path / path).read_bytes() == data, path


def test_the_spec_survives_its_json(published):
    config = json.loads(published["config.json"])
    spec, files = read_spec(config)
    again, _ = read_spec({"dat_keras": spec.to_json(files)})
    assert again == spec
    assert spec.training["dataset"] == "shapes"
    assert config["dat_keras"]["parameters"] == sum(
        int(np.prod(v.shape)) for v in build(spec).weights
    )
    assert config["dat_keras"]["tensors"] == len(build(spec).weights)


def test_models_of_the_first_format_are_read_for_ever(assert_close):
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    wanted = np.load(FORMAT_1 / "logits.npy")
    assert np.ptp(wanted) > 0.1
    read = read_folder(FORMAT_1)
    assert_close(read.model(images), wanted, rtol=1e-5, atol=1e-5)
    assert (read.spec.norm, read.spec.eps) == ("l2", 0.5)
    assert read.spec.class_names == ("cat", "dog", "owl")


def test_the_card_of_a_natural_model_claims_no_training(published):
    def tags(method):
        training = {"name": "x", "objective": {"class": method}}
        spec = ModelSpec(
            *("resnet8", {}, (8, 8, 3), ("a",), "toy", "linf", 8 / 255),
            training=training,
        )
        card = ModelCard(model_card(spec, "a/b", "mit", (), FACTS))
        return card.data.tags, card.text

    natural, text = tags("Natural")
    assert "adversarial-training" not in natural and "arxiv" not in text
    robust, text = tags("TRADES")
    assert "adversarial-training" in robust
    assert "The method: [Zhang et al., 2019](https://arxiv" in text


@pytest.mark.parametrize("training", [{"objective": 7, "name": [1]}, {}])
def test_any_training_of_a_stranger_makes_a_card(training):
    spec = ModelSpec(
        *("resnet8", {}, (8, 8, 3), ("a",), "toy", "linf", 8 / 255),
        training=training,
    )
    assert "## Training" in model_card(spec, "a/b", "mit", (), FACTS)


@pytest.mark.parametrize("change", [{}, {"date": None}, "no date at all"])
def test_an_evaluation_says_its_own_date_where_it_is_known(
    report, tmp_path, change
):
    data = json.loads(report.read_text())
    if change == "no date at all":
        del data["date"]
    else:
        data |= change
    (tmp_path / "r.json").write_text(json.dumps(data))
    reports = read_reports(tmp_path / "r.json")
    (row,) = results("0" * 64, reports)["runs"]
    assert row.keys() - {"eps_text"} == data.keys()
    assert row.get("date") == data.get("date")
    spec = ModelSpec(
        *("resnet8", {}, (8, 8, 3), ("a",), "toy", "linf", 8 / 255)
    )
    card = model_card(spec, "a/b", "mit", reports, FACTS)
    date = data.get("date")
    told = f"seed 0, measured {date}.\n" if date else "seed 0.\n"
    assert told in card


DEEP = ["wrn-70-16", *(f"swish-wrn-{depth}" for depth in SWISH_DEPTHS[1:])]


@pytest.mark.parametrize(
    "architecture", first_of(OWN, [name for name in OWN if name not in DEEP])
)
def test_shapes_are_known_before_the_model_is_built(architecture):
    assert NETS.keys() == OWN.keys()
    for kwargs in (
        {"width": 3, "mean_std": [[0.5] * 5, [0.25] * 5]},
        {"width": 1},
        *([{}] if architecture == "resnet8" else []),
    ):
        spec = ModelSpec(
            *(architecture, kwargs, (16, 8, 5), ("a", "b"), "toy", "l2", 0.5)
        )
        built = {v.path: tuple(v.shape) for v in build(spec).weights}
        assert shapes_of(spec) == built


@pytest.mark.parametrize(
    "theirs",
    ["no front matter", "---\n: [\n---\nbroken", "", "---\n- 1\n---\n"],
)
def test_a_card_without_metadata_gets_ours(theirs):
    merged = merge_card(theirs, "---\nlicense: mit\n---\nOurs.\n")
    assert ModelCard(merged).data.license == "mit"


def test_a_later_version_replaces_its_own_text(published):
    card = published["README.md"].decode()
    later = card.replace("## Limits", "## Bounds")
    assert "## Limits" in card
    assert "## Bounds" in merge_card(card, later)
    assert "## Bounds" not in merge_card(card.replace("An image", "A"), later)


def test_no_path_of_a_disk_is_published(run, published):
    for path, data in published.items():
        assert str(run).encode() not in data, path


def test_a_file_is_no_folder_to_replace(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ConflictError, match="is a file"):
        check_target(tmp_path / "out", force=True)


def test_licences_are_identifiers():
    assert all(name == name.lower().strip() for name in LICENSES)
