"""Checkpoints of PyTorch, read without it and compared with its logits."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file, save_file

import dat_keras as dk
from dat_keras.cli import main
from dat_keras.interop.torch.checkpoint import open_checkpoint
from dat_keras.interop.torch.convert import convert
from dat_keras.interop.torch.names import NAMINGS, sort_out, sources
from dat_keras.interop.torch.request import Request
from dat_keras.zoo.bundle.shapes import shapes_of
from dat_keras.zoo.bundle.write import from_run
from dat_keras.zoo.cards.spec import ModelSpec
from dat_keras.zoo.commands.load import load_source
from dat_keras.zoo.errors import RefusedContentError

GOLD = Path(__file__).parents[1] / "gold"
DUAL = "dual_resnet18.safetensors"
NORMALIZED = "normalized_preactresnet18.pth"


def call(*arguments, code=0):
    result = CliRunner().invoke(main, ["import-torch", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.mark.parametrize(
    ("name", "architecture"),
    [(DUAL, "resnet18"), (NORMALIZED, "preactresnet18")],
)
def test_logits_are_those_of_pytorch(
    name, architecture, tmp_path, assert_close
):
    options = ("--architecture", architecture, "--image-size", 16)
    out = tmp_path / "net"
    result = call(GOLD / name, *options, "-o", out, "--json")
    assert json.loads(result.stdout)["num_classes"] == 3
    images = np.random.default_rng(0).random((8, 16, 16, 3), np.float32)
    wanted = np.load(GOLD / "torch_logits.npz")[name]
    assert np.ptp(wanted) > 0.1
    for model in (dk.load_model(str(out)), load_source(out).model):
        assert_close(model(images), wanted, rtol=0, atol=1e-4)
    # What `push` publishes.
    assert_close(from_run(out).model(images), wanted, rtol=0, atol=1e-4)
    assert (
        "is not empty" in call(GOLD / name, *options, "-o", out, code=7).output
    )


def test_the_request_must_fit(tmp_path):
    options = ("--architecture", "preactresnet18", "-o", tmp_path / "net")
    given = ("--mean", "0.1,0.1,0.1", "--std", "1,1,1")
    path = GOLD / NORMALIZED
    assert "has mean and std" in call(path, *options, *given, code=6).output
    assert (
        "3 classes" in call(path, *options, "--num-classes", 10, code=6).output
    )
    assert "or neither" in call(path, *options, *given[:2], code=2).output
    assert (
        "Did you mean"
        in call(
            path, "--architecture", "resnet81", "-o", tmp_path, code=2
        ).output
    )
    pixels = ("--mean", "125,123,114", "--std", "1,1,1")
    told = call(path, *options, *pixels, code=2).output
    assert "Did you mean 125/255,123/255,114/255?" in told
    told = call(path, *options, *given[:2], "--std", "63,62,66", code=2).output
    assert "Did you mean 63/255,62/255,66/255?" in told
    two = ("--mean", "1,1", "--std", "1,1")
    assert "3 numbers each" in call(path, *options, *two, code=2).output
    assert "positive" in call(path, *options, "--eps", 0, code=2).output
    assert "no file" in call(tmp_path / "a.pt", *options, code=3).output
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_data_set_says_so_and_is_evaluated_with_one(tmp_path):
    options = ("--architecture", "resnet18", "--image-size", 16)
    out = tmp_path / "net"
    told = call(GOLD / DUAL, *options, "-o", out).stderr
    assert f"no --dataset: name it with `evaluate {out} --dataset" in told
    assert load_source(out).dataset is None
    result = CliRunner().invoke(main, ["evaluate", str(out)])
    assert result.exit_code == 2
    assert "name it with --dataset" in result.stderr.splitlines()[-1]
    named = ("--dataset", "cifar10", "-o", tmp_path / "named")
    assert "no --dataset" not in call(GOLD / DUAL, *options, *named).stderr
    assert load_source(tmp_path / "named").dataset == "cifar10"


def changed(tmp_path, change):
    state = dict(load_file(GOLD / DUAL))
    change(state)
    save_file(state, tmp_path / "net.safetensors")
    return convert(tmp_path / "net.safetensors", Request("resnet18"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: s.pop("module.layer1.0.bn1.weight"), "has no `layer1.0.bn1"),
        (lambda s: s.update(extra=s["module.bn1.bias"]), "have no place"),
        (
            lambda s: s.update({"module.odd": s["module.bn1.bias"]}),
            "have no place",
        ),
        (lambda s: s["module.bn1.bias"].fill(np.nan), "is not finite"),
        (
            lambda s: s.update({"module.bn1.bias": np.zeros(3, np.float32)}),
            "has shape",
        ),
        (
            lambda s: (
                s.update({"other.conv1.weight": s["module.conv1.weight"]})
                or s.update({"module.conv1.weight": s["module.bn1.bias"]})
            ),
            "several|odd shape|no place",
        ),
        (
            lambda s: s.update({"module.fc.bias": s["module.linear.bias"]}),
            "have no place",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(change, line, tmp_path):
    with pytest.raises(RefusedContentError, match=line):
        changed(tmp_path, change)


def test_the_auxiliary_norms_are_left_out(tmp_path, assert_close):
    def swap(state):
        for name in state:
            if "_auto" in name:
                state[name] = np.asarray(state[name] + 7)

    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    kept = changed(tmp_path, swap).model(images)
    assert_close(kept, changed(tmp_path, lambda state: None).model(images))


def test_branches_in_a_list_are_known():
    names = ["conv1.weight", "bn1.bns.0.weight", "bn1.bns.1.weight"]
    found = sort_out(names, NAMINGS["resnet18"])
    assert found.weights["bn1.weight"] == "bn1.bns.0.weight"
    assert len(found.weights) == 2


def wide_names(count):
    """The names of TRADES' WideResNet, one by one."""
    norm = ("weight", "bias", "running_mean", "running_var")
    yield "conv1.weight"
    for stage in ("block1", "sub_block1", "block2", "block3"):
        for block in range(count):
            start = f"{stage}.layer.{block}."
            for i in (1, 2):
                yield f"{start}conv{i}.weight"
                yield from (f"{start}bn{i}.{kind}" for kind in norm)
            if block == 0:
                yield f"{start}convShortcut.weight"
    yield from (f"bn1.{kind}" for kind in norm)
    yield from ("fc.weight", "fc.bias", "bn1.num_batches_tracked")


@pytest.mark.parametrize(
    ("architecture", "count"), [("wrn-28-10", 4), ("wrn-34-10", 5)]
)
def test_all_weights_of_wide_resnets_have_a_place(architecture, count):
    spec = ModelSpec(
        architecture, {"width": 2}, (32, 32, 3), ("a", "b"), "", "linf", 0.1
    )
    naming = NAMINGS[architecture]
    names = [f"model.{name}" for name in wide_names(count)]
    found = sort_out(names, naming)
    chosen = sources(shapes_of(spec), found, naming)
    path = "stage2_block0_shortcut/kernel"
    assert chosen[path] == "model.block2.layer.0.convShortcut.weight"
    assert len(set(chosen.values())) == len(chosen)
    other = "wrn-28-10" if count == 5 else "wrn-34-10"
    wrong = shapes_of(
        ModelSpec(other, {"width": 2}, (32, 32, 3), ("a",), "", "linf", 0.1)
    )
    with pytest.raises(RefusedContentError, match="another architecture"):
        sources(wrong, found, naming)


def test_a_checkpoint_closes_with_its_context():
    with open_checkpoint(GOLD / NORMALIZED) as state:
        assert state["1.conv1.weight"].shape == (2, 3, 3, 3)
        assert state["1.conv1.weight"].read().dtype == np.float16
