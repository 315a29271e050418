"""An interrupted AutoAttack goes on to the same result, or says why not."""

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
from contexts import context_of
from selection import first_of
from toy_nets import opinionated

from dat_keras.attacks import APGD, EachTarget, Square, TargetedDLR
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation import resume_state
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.resume_state import (
    Interval,
    ResumeFolder,
    label_of,
)
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
        patch.setattr(resume_state, "SECONDS", 0.0)
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
    # Encrypted, says the directory at the end of the archive.
    encrypted = whole[: (at := whole.rindex(b"PK\x01\x02") + 8)] + b"\x01"
    encrypted += whole[at + 1 :]
    flipped = whole[:200] + b"?" + whole[201:]
    for damaged in (whole[:-30], b"", flipped, encrypted):
        kept.write_bytes(damaged)
        name = r"mine.square-\w+.npz.*delete"
        with pytest.raises(DamagedFileError, match=name):
            evaluate(model, (x, y), attacks, **options)
    np.savez(kept, x=np.zeros(3))
    with pytest.raises(DamagedFileError, match="not that of these"):
        evaluate(model, (x, y), attacks, **options)
    kept.unlink()
    evaluate(model, (x, y), attacks, **options)
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(DamagedFileError, match="evaluation.json"):
        evaluate(model, (x, y), attacks, **options)


def test_within_a_stage_images_are_written_once_in_an_interval(
    net, tmp_path, monkeypatch
):
    now, written = [0.0], []
    save = ResumeFolder.save

    def noted(state, name, arrays):
        written.append((now[0], int(arrays["seen"])))
        save(state, name, arrays)

    def tell(name, done, total):
        now[0] += 10.0

    monkeypatch.setattr(ResumeFolder, "save", noted)
    ball = Linf(0.01)
    context = context_of(
        *net,
        ball,
        batch_size=2,
        progress=tell,
        resume_state=ResumeFolder(tmp_path, Interval(30.0, lambda: now[0])),
    )
    AttackEnsemble({"square": Square(ball, queries=4, chunk=2)})("a", context)
    within = [
        (time - before, seen)
        for (before, _), (time, seen) in itertools.pairwise(written)
        if seen
    ]
    assert [waited for waited, _ in within] == [30.0] * len(within)
    assert len(within) >= 2
    # The ends of both stages.
    assert [seen for _, seen in written].count(0) == 2


def rescaled(by, activation):
    """Nets with the same weights, of no bits in common otherwise."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Rescaling(by),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation=activation),
            keras.layers.Dense(3),
        ]
    )


@pytest.mark.parametrize("change", [(2.0, "relu"), (1.0, "gelu")])
def test_a_net_of_the_same_weights_and_other_layers_is_refused(
    tmp_path, change
):
    x = np.random.default_rng(0).uniform(size=(6, 4, 4, 1)).astype("f")
    one, other = rescaled(1.0, "relu"), rescaled(*change)
    y = one(x).numpy().argmax(-1)
    attacks = {"mine": AttackEnsemble({"square": Square(Linf(0.03), 2, 2)})}
    options = {"eps": 0.03, "resume": tmp_path}
    evaluate(one, (x, y), attacks, **options)
    evaluate(rescaled(1.0, "relu"), (x, y), attacks, **options)
    with pytest.raises(ValueError, match="the layers differ$"):
        evaluate(other, (x, y), attacks, **options)


def test_names_that_look_alike_have_states_of_their_own(tmp_path):
    state = ResumeFolder(tmp_path)
    names = "my run", "my_run", "My_run", "n" * 300 + "1", "n" * 300 + "2"
    for i, name in enumerate(names):
        state.save(name, {"x": np.array(i)})
    assert [int(state.load(name)["x"]) for name in names] == [0, 1, 2, 3, 4]
    labels = {
        label_of(*each)
        for each in (("a", "b.c"), ("a.b", "c"), ("a.b.c",), ("a%2Eb", "c"))
    }
    assert len(labels) == 4


def test_images_are_promised_only_by_what_keeps_them(net, tmp_path):
    with pytest.raises(ValueError, match="save_adversarial.*attacks=natural"):
        evaluate(net[0], net[1:], "natural", save_adversarial=tmp_path / "a")


@pytest.mark.parametrize("attacks", ["natural", "fgsm,pgd20"])
def test_only_what_saves_its_state_is_resumed(net, tmp_path, attacks):
    with pytest.raises(ValueError, match="`resume` needs an attack that"):
        evaluate(net[0], net[1:], attacks, resume=tmp_path)
    assert not any(tmp_path.iterdir())
