"""What every method survives: a saved state, low precision, XLA."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of

from dat_keras.augment import Unchanged
from dat_keras.averaging import Averaging
from dat_keras.model import AdversarialModel
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.strategy import Policy
from dat_keras.optimizers import SGD
from dat_keras.weight_perturbation import WeightPerturbation

STEPS = 2


def short(name):
    """The method with a short attack and small networks."""
    las = {"policy": Policy("resnet8", steps_grid=(1, 2))}
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


@pytest.mark.parametrize("name", first_of(OBJECTIVES))
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


@pytest.mark.parametrize("name", first_of(OBJECTIVES))
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
