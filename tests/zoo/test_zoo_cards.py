"""Making a card of a run, and measuring again what the cards say."""

import functools
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import dat_keras as dk
from dat_keras.data import load_split
from dat_keras.zoo.commands import bundled
from dat_keras.zoo.errors import RefusedContentError

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "tfds"
COUNT = 200
# Another processor may round an image at the boundary to the other side.
TOLERATED = 1

CARDS = {card.name: card for card in bundled.cards()}
CARD_FOLDER = Path(str(bundled.zoo_root() / "cards"))
# One card is measured again in every run of the tests, all in the long one.
MEASURED = [
    pytest.param(name, marks=[pytest.mark.thorough] if i else [])
    for i, name in enumerate(CARDS)
]
PROVENANCE = {
    "command",
    "seed",
    "hardware",
    "wall_time",
    "cpu_hours",
    "trained",
}


@pytest.fixture(scope="module")
def script():
    path = ROOT / "examples" / "bundle_model.py"
    spec = importlib.util.spec_from_file_location("bundle_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bundle(script, run, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "ATTACKS", ("natural", "fgsm"))

    def call(report, run=run):
        about = ("--command", "train", "--hardware", "a laptop")
        script.main(
            [
                *(str(run), str(report), "net", "--root", str(tmp_path)),
                *(*about, "--wall-time", "1 h", "--cpu-hours", "0.8"),
            ]
        )

    return call


def test_a_run_becomes_a_bundled_model(
    bundle, report, net, images, tmp_path, monkeypatch
):
    bundle(report)
    monkeypatch.setattr(bundled, "zoo_root", lambda: tmp_path)
    (card,) = bundled.cards()
    assert card.provenance["hardware"] == "a laptop"
    assert list(card.reports) == [json.loads(report.read_text())]
    found = dk.load_model("net", dataset="shapes", threat_model="Linf")
    np.testing.assert_array_equal(found(images), net(images))


def test_what_cannot_be_bundled_is_refused(
    bundle, script, report, other_run, tmp_path, monkeypatch
):
    with pytest.raises(RefusedContentError, match="measured other weights"):
        bundle(report, other_run)
    with monkeypatch.context() as patch:
        patch.setattr(script, "ATTACKS", ("natural", "fgsm", "pgd20", "cw"))
        with pytest.raises(SystemExit, match="not measured yet: pgd20, cw"):
            bundle(report)
    monkeypatch.setattr(script, "LIMIT", 1000)
    with pytest.raises(SystemExit, match="more than 1000"):
        bundle(report)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_bundled_model_is_a_model_everywhere(
    bundle, report, cli, run, tmp_path, monkeypatch
):
    bundle(report)
    monkeypatch.setattr(bundled, "zoo_root", lambda: tmp_path)
    row = json.loads(report.read_text())["attacks"]["natural"]
    told = json.loads(cli("info", "net", "--json").stdout)
    assert told.keys() >= PROVENANCE
    assert f"({row['correct']}/{row['total']}, " in told["accuracy"]["natural"]
    assert f"natural {100 * row['accuracy']:.2f} %" in cli("list").stdout
    cli("pull", "net", "-o", tmp_path / "out", "-q")
    card = (tmp_path / "out" / "README.md").read_text()
    for line in ("- hardware: a laptop", "- wall time: 1 h", "- seed: 0"):
        assert line in card
    assert f"{row['correct']}/{row['total']}" in card
    cli("export", "net", "--format", "keras", "-o", tmp_path / "net.keras")


@pytest.mark.parametrize("name", CARDS)
def test_a_bundled_card_is_complete(name, script):
    card = CARDS[name]
    measured = {n for report in card.reports for n in report["attacks"]}
    assert measured >= set(script.ATTACKS)
    assert card.provenance.keys() >= PROVENANCE
    assert card.spec.training["name"]


@pytest.mark.parametrize("name", MEASURED)
def test_a_card_says_what_is_measured(name):
    card = CARDS[name]
    # The images of `shapes` are drawn, not read.
    folder = None if card.spec.dataset == "shapes" else DATA
    if folder and not (folder / card.spec.dataset).is_dir():
        pytest.skip(f"{card.spec.dataset} is not in {DATA}")
    test = load_split(card.spec.dataset, "test", data_dir=folder)
    names = ("natural", "pgd20")
    model = dk.load_model(name)

    @functools.cache
    def measured(**settings):
        return dk.evaluate(model, test, names, n_examples=COUNT, **settings)

    for report in card.reports:
        if not report["attacks"].keys() >= set(names):
            continue
        again = measured(
            norm=report["norm"],
            eps=report["eps"],
            protocol=report["protocol"],
            seed=report["seed"],
        )
        assert again.n_examples == COUNT <= report["n_examples"]
        for attack in names:
            told = report["attacks"][attack]["broken"]
            broken = sum(position < COUNT for position in told)
            correct = COUNT - broken
            assert abs(again[attack].correct - correct) <= TOLERATED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("reports", bad) for bad in (None, 0, "", {})],
        *[("provenance", bad) for bad in (None, 0, [])],
        *[("hub", bad) for bad in (0, "", [], {}, {"repo": "a/b"})],
    ],
)
def test_a_field_of_another_kind_is_refused(field, value):
    name = next(iter(CARDS))
    content = json.loads((CARD_FOLDER / f"{name}.json").read_bytes())
    content[field] = value
    with pytest.raises(RefusedContentError, match=f"`{field}`"):
        bundled.read_card(json.dumps(content).encode(), name)
