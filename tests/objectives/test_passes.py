"""What a step costs, and what of it survives: passes, state, precision."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.augment import Unchanged
from dat_keras.averaging import Averaging
from dat_keras.model import AdversarialModel
from dat_keras.objectives import OBJECTIVES
from dat_keras.optimizers import SGD
from dat_keras.predict import Predictor
from dat_keras.weight_perturbation import WeightPerturbation

STEPS = 2
# Forward passes of one training step, by the number of attack steps.
FORWARD = {
    "natural": 1,
    "pgd-at": STEPS + 1,
    "trades": 1 + STEPS + 2,
    "mart": STEPS + 2,
    "st": 3 * STEPS + 3,
    "scarl": 1 + STEPS + 2,
    "oa-at": STEPS // 2 + 2,
    "dajat": 2 * (1 + STEPS) + 4,
    "idbh": STEPS + 1,
    "dat": 2 * (1 + STEPS) + 1 + 4 + 3,
}
# AWP's own pass; DAJAT looks at its base view alone.
PERTURBED = {"natural": 1, "pgd-at": 1, "mart": 2, "st": 3, "idbh": 1, "dat": 4}


def short(name):
    """The method with a short attack and small networks."""
    las = {"policy": "resnet8", "steps_grid": (1, 2)}
    sizes = {"las-at": las, "las-trades": las}
    objective = OBJECTIVES[name](**sizes.get(name, {}))
    if not hasattr(objective, "attack"):
        return objective
    attack = dataclasses.replace(objective.attack, steps=STEPS)
    return dataclasses.replace(objective, attack=attack)


def trainer(name, make_tiny, gamma=0.0, **compiled):
    objective = short(name)
    model = AdversarialModel(
        make_tiny(objective.branches),
        objective,
        augment=Unchanged(),
        weight_perturbation=WeightPerturbation(gamma),
    )
    model.compile(optimizer=SGD(0.05, momentum=0.9), **compiled)
    return model


@pytest.fixture
def passes(monkeypatch):
    """Counts the classifier's forward passes."""
    calls = []

    def counting(name):
        inner = getattr(Predictor, name)

        def call(*args, **options):
            calls.append(name)
            return inner(*args, **options)

        return call

    for name in ("__call__", "features"):
        monkeypatch.setattr(Predictor, name, counting(name))
    return calls


@pytest.mark.parametrize("gamma", [0.0, 0.005])
@pytest.mark.parametrize("name", FORWARD)
def test_forward_passes_of_a_step(name, gamma, passes, make_tiny, batch):
    model = trainer(name, make_tiny, gamma)
    passes.clear()
    model.train_step(batch)
    extra = PERTURBED.get(name, 2) if gamma else 0
    assert len(passes) == FORWARD[name] + extra


def everything(model):
    learned = getattr(model.adversary, "optimizer", None)
    return (
        model.classifier.variables
        + model.adversary.variables
        + model.optimizer.variables
        + (learned.variables if learned else [])
        + model.average.variables
        + [model.step]
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_whole_state_is_saved(
    name, make_tiny, batch, tmp_path, snapshot, same
):
    compiled = {"averaging": Averaging(decay=0.5, start=0.0)}
    model, twin = (
        trainer(name, make_tiny, 0.005, **compiled) for _ in range(2)
    )
    loss = float(model.train_step(batch)["loss"])
    assert np.isfinite(loss)
    model.save_weights(tmp_path / "state.weights.h5")
    assert not same(snapshot(everything(model)), snapshot(everything(twin)))
    twin.load_weights(tmp_path / "state.weights.h5")
    assert same(snapshot(everything(model)), snapshot(everything(twin)))
    for other in (model, twin):
        other.train_step(batch)
    assert same(snapshot(everything(model)), snapshot(everything(twin)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_runs_in_bfloat16(name, make_tiny, batch):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        classifier = make_tiny(short(name).branches)
    finally:
        keras.config.set_dtype_policy("float32")
    model = AdversarialModel(classifier, short(name), augment=Unchanged())
    model.compile(optimizer=SGD(0.05))
    terms = model.train_step(batch)
    assert all(np.isfinite(float(value)) for value in terms.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_runs_compiled(name, make_tiny, batch):
    model, twin = (trainer(name, make_tiny, 0.005) for _ in range(2))
    run = tf.function(
        lambda x, y: model.train_step((x, y)),
        jit_compile=True,
        autograph=False,
    )
    terms, expected = run(*batch), twin.train_step(batch)
    for term, value in terms.items():
        assert float(value) == pytest.approx(float(expected[term]), rel=1e-3)
