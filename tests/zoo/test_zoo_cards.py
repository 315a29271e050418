"""Making a card of a run, and measuring again what the cards say."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import dat_keras as dk
from dat_keras.data import load_split
from dat_keras.zoo import bundled
from dat_keras.zoo.errors import RefusedContentError

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "tfds"
COUNT = 200
# Another processor may round an image at the boundary to the other side.
TOLERATED = 1

CARDS = {card.name: card for card in bundled.cards()}
NONE = pytest.param("", marks=pytest.mark.skip(reason="no card is bundled"))


@pytest.fixture(scope="module")
def script():
    path = ROOT / "examples" / "bundle_model.py"
    spec = importlib.util.spec_from_file_location("bundle_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bundle(script, run, tmp_path):
    def call(report, run=run):
        about = ("--command", "train", "--hardware", "a laptop")
        script.main(
            [
                *(str(run), str(report), "net", "--root", str(tmp_path)),
                *(*about, "--wall-time", "1 h"),
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


def test_large_models_and_other_weights_are_refused(
    bundle, script, report, other_run, tmp_path, monkeypatch
):
    with pytest.raises(RefusedContentError, match="measured other weights"):
        bundle(report, other_run)
    monkeypatch.setattr(script, "LIMIT", 1000)
    with pytest.raises(SystemExit, match="more than 1000"):
        bundle(report)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("name", CARDS or [NONE])
def test_a_card_says_what_is_measured(name):
    card = CARDS[name]
    if not (DATA / card.spec.dataset).is_dir():
        pytest.skip(f"{card.spec.dataset} is not in {DATA}")
    test = load_split(card.spec.dataset, "test", data_dir=DATA)
    for report in card.reports:
        names = [n for n in ("natural", "pgd20") if n in report["attacks"]]
        again = dk.evaluate(
            dk.load_model(name),
            test,
            names,
            norm=report["norm"],
            eps=report["eps"],
            protocol=report["protocol"],
            seed=report["seed"],
            n_examples=COUNT,
        )
        assert again.n_examples == COUNT <= report["n_examples"]
        for attack in names:
            told = report["attacks"][attack]["broken"]
            broken = sum(position < COUNT for position in told)
            correct = COUNT - broken
            assert abs(again[attack].correct - correct) <= TOLERATED
