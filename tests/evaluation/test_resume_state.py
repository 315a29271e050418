"""An interrupted AutoAttack goes on to the same result, or says why not."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from selection import first_of
from toy_nets import opinionated

from dat_keras.attacks import APGD, EachTarget, Square, TargetedDLR
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.resume_state import ResumeFolder
from dat_keras.utils.errors import DamagedFileError


@pytest.fixture(scope="module")
def net():
    return opinionated((6, 6, 1))


class Killed(BaseException):
    """The process is gone."""


def killed_after(batches):
    """A resume_state's `save` that lives for so many batches."""
    save, left = ResumeFolder.save, [batches]

    def dying(resume_state, name, arrays):
        save(resume_state, name, arrays)
        left[0] -= 1
        if not left[0]:
            raise Killed

    return dying


def measure(net, folder, **changes):
    ball = Linf(0.08)
    parts = {
        "apgd-t": EachTarget(APGD(ball, TargetedDLR(), steps=3), 2),
        "square": Square(ball, queries=30, chunk=10),
    }
    ensemble = AttackEnsemble(parts)
    options = {"eps": 0.08, "batch_size": 8, "resume": folder} | changes
    return evaluate(net[0], net[1:], {"mine": ensemble}, **options)


@pytest.fixture(scope="module")
def whole(net):
    return measure(net, None)["mine"]


@pytest.mark.parametrize("batches", first_of([1, 5, 7], (5,)))
def test_a_killed_evaluation_goes_on_to_the_same_result(
    net, whole, tmp_path, monkeypatch, batches
):
    with monkeypatch.context() as patch:
        patch.setattr(ResumeFolder, "save", killed_after(batches))
        with pytest.raises(Killed):
            measure(net, tmp_path)
    images = tmp_path / "images.npz"
    again = measure(net, tmp_path, save_adversarial=images)["mine"]
    for before, after in zip(whole.parts, again.parts, strict=True):
        assert replace(before, seconds=0.0) == replace(after, seconds=0.0)
    saved = np.load(images)
    assert np.array_equal(saved["y"], net[2])
    wrong = net[0](saved["mine"]).numpy().argmax(-1) != net[2]
    assert np.array_equal(wrong, again.broken)
    assert sum(whole.parts[0].broken) < sum(whole.broken) < len(net[2])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "seed was 0, now 1$"),
        ({"eps": 0.02}, "eps was 0.03, now 0.02"),
        ({"n_examples": 9}, r"n_examples was \d+, now 9$"),
        ({"batch_size": 4}, "batch_size"),
    ],
)
def test_another_evaluation_is_refused(net, tmp_path, changes, named):
    model, x, y = net
    attacks = {"mine": AttackEnsemble({"square": Square(Linf(0.03), 2, 2)})}
    options = {"eps": 0.03, "batch_size": 8, "resume": tmp_path}
    evaluate(model, (x, y), attacks, **options)
    with pytest.raises(ValueError, match=f"same evaluation.*{named}"):
        evaluate(model, (x, y), attacks, **(options | changes))


def test_another_model_is_refused_and_a_damaged_file(net, tmp_path):
    model, x, y = net
    attacks = {"mine": AttackEnsemble({"square": Square(Linf(0.03), 2, 2)})}
    options = {"eps": 0.03, "resume": tmp_path}
    evaluate(model, (x, y), attacks, **options)
    other = keras.models.clone_model(model)
    with pytest.raises(ValueError, match="the weights differ$"):
        evaluate(other, (x, y), attacks, **options)
    (kept,) = tmp_path.glob("*.npz")
    whole = kept.read_bytes()
    for damaged in (whole[:-30], b"", whole[:200] + b"?" + whole[201:]):
        kept.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match="mine.square.npz.*delete"):
            evaluate(model, (x, y), attacks, **options)
    np.savez(kept, x=np.zeros(3))
    with pytest.raises(DamagedFileError, match="not that of these"):
        evaluate(model, (x, y), attacks, **options)
    kept.unlink()
    evaluate(model, (x, y), attacks, **options)
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(DamagedFileError, match="evaluation.json"):
        evaluate(model, (x, y), attacks, **options)


def test_images_are_promised_only_by_what_keeps_them(net, tmp_path):
    with pytest.raises(ValueError, match="save_adversarial.*attacks=natural"):
        evaluate(net[0], net[1:], "natural", save_adversarial=tmp_path / "a")
