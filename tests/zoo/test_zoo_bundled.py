"""Models that come with the package, by card."""

import hashlib
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

import dat_keras as dk
from dat_keras.core.weights import save_weights
from dat_keras.zoo.bundle.plain_json import canonical_json
from dat_keras.zoo.bundle.read import build, read_folder
from dat_keras.zoo.bundle.write import base_of
from dat_keras.zoo.cards.spec import FileRecord, ModelSpec
from dat_keras.zoo.commands import bundled
from dat_keras.zoo.errors import (
    BadReferenceError,
    NotFoundError,
    RefusedContentError,
)

SPEC = ModelSpec(
    architecture="resnet8",
    kwargs={"width": 4},
    input_shape=(8, 8, 3),
    class_names=("cat", "dog", "owl"),
    dataset="toy",
    norm="linf",
    eps=8 / 255,
    training={"name": "dat-toy-resnet8"},
)


def write_card(root, name, spec=SPEC, hub=None, seed=0):
    keras.utils.set_random_seed(seed)
    model = build(spec)
    path = root / "weights" / f"{name}.safetensors"
    save_weights(model, path)
    data = path.read_bytes()
    record = FileRecord(hashlib.sha256(data).hexdigest(), len(data))
    if hub:
        path.unlink()
    card = {
        "name": name,
        "dat_keras": spec.to_json({"model.safetensors": record}),
        "reports": [],
        "provenance": {"hardware": "a laptop"},
        "hub": hub,
    }
    (root / "cards" / f"{name}.json").write_bytes(canonical_json(card))
    return model


@pytest.fixture
def root(tmp_path, monkeypatch):
    for folder in ("cards", "weights"):
        (tmp_path / "zoo" / folder).mkdir(parents=True)
    monkeypatch.setattr(bundled, "zoo_root", lambda: tmp_path / "zoo")
    return tmp_path / "zoo"


def test_a_bundled_model_loads_by_name_without_the_hub(root, images):
    model = write_card(root, "DAT-toy")
    for found in (
        dk.load_model("DAT-toy"),
        dk.load_model("dat-TOY", dataset="toy", threat_model="Linf"),
        dk.load_model(model_name="DAT-toy", threat_model="linf"),
    ):
        np.testing.assert_array_equal(found(images), model(images))


@pytest.mark.parametrize(
    ("name", "filters", "line"),
    [
        ("DAT-tony", (None, None), "did you mean 'DAT-toy'? Or see"),
        ("DAT-toy", ("cifar10", None), "Unknown zoo model 'DAT-toy'"),
        ("DAT-toy", (None, "L2"), "Unknown zoo model 'DAT-toy'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    root, name, filters, line
):
    write_card(root, "DAT-toy")
    with pytest.raises(NotFoundError, match="namespace/model") as caught:
        dk.load_model(name, *filters)
    assert line in str(caught.value)


def test_an_unknown_norm_is_answered_with_the_nearest(root):
    write_card(root, "DAT-toy")
    with pytest.raises(ValueError, match="threat model 'lnf'. Did you mean"):
        dk.load_model("DAT-toy", threat_model="Lnf")


def test_names_that_differ_by_case_must_be_told_apart(root):
    write_card(root, "net")
    write_card(root, "NET", replace(SPEC, norm="l2"))
    with pytest.raises(BadReferenceError, match="several models"):
        bundled.find("net")
    assert bundled.find("net", None, "L2").name == "NET"


def test_damaged_weights_are_refused(root):
    write_card(root, "net")
    path = root / "weights" / "net.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\1\2\3\4")
    with pytest.raises(RefusedContentError, match="do not match"):
        dk.load_model("net")


def test_a_zoo_without_cards_is_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "zoo_root", lambda: tmp_path)
    assert bundled.cards() == []


def test_a_card_must_bear_its_own_name(root):
    write_card(root, "net")
    (root / "cards" / "net.json").rename(root / "cards" / "other.json")
    with pytest.raises(RefusedContentError, match="another model"):
        bundled.cards()


def test_the_commands_know_bundled_models(root, cli, images, tmp_path):
    model = write_card(root, "net")
    write_card(root, "square", replace(SPEC, norm="l2", eps=0.5))
    told = json.loads(cli("list", "--json").stdout)["models"]
    assert [(m["name"], m["eps"]) for m in told] == [
        ("net", "8/255"),
        ("square", "0.5"),
    ]
    assert "square" not in cli("list", "--threat-model", "Linf").stdout
    assert json.loads(cli("info", "net", "--json").stdout)["hardware"] == (
        "a laptop"
    )
    cli("pull", "net", "-o", tmp_path / "out")
    np.testing.assert_array_equal(
        read_folder(tmp_path / "out").model(images), model(images)
    )
    told = json.loads(cli("pull", "net", "--json").stdout)
    assert told["files"][0]["action"] == "bundled"


def test_a_card_may_point_to_a_pinned_commit(root, on_hub, net, images):
    head = on_hub.repos["alice/net"].refs["main"]
    pinned = {"repo": "alice/net", "revision": head}
    write_card(root, "net", hub=pinned)
    on_hub.put("alice/net", {"config.json": b"{}"})
    # The card vouches for other weights than those at the commit.
    with pytest.raises(RefusedContentError, match="do not match its card"):
        dk.load_model("net")
    config = json.loads(on_hub.repos["alice/net"].commits[head]["config.json"])
    card = {"name": "net", "dat_keras": config["dat_keras"], "hub": pinned}
    (root / "cards" / "net.json").write_bytes(canonical_json(card))
    np.testing.assert_array_equal(dk.load_model("net")(images), net(images))


def test_the_cards_in_the_package_are_whole():
    for card in bundled.cards():
        record = card.files["model.safetensors"]
        if card.hub is None:
            data = card.weights.read_bytes()
            assert hashlib.sha256(data).hexdigest() == record.sha256
            assert len(data) < 4_000_000
        model = base_of(dk.load_model(card.name)) if card.hub is None else None
        assert model is None or model.output_shape[-1] == len(
            card.spec.class_names
        )
