"""What every method survives: each addition, a saved state, bfloat16, XLA."""

import dataclasses
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from short_methods import everything, short

from dat_keras.augment import Unchanged
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD, SGDConfig
from dat_keras.optimizers.schedules import CosineConfig
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.model import AdversarialModel


def trainer(name, make_tiny, gamma=0.0, branches=1, **compiled):
    objective = short(name)
    model = AdversarialModel(
        make_tiny(max(branches, objective.branches)),
        objective,
        augment=Unchanged(),
        weight_perturbation=WeightPerturbation(gamma),
    )
    model.compile(optimizer=SGD(0.05, momentum=0.9), **compiled)
    model.total_steps.assign(1)
    return model


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
def test_perturbation_raises_the_loss_it_is_made_for(name, make_tiny, batch):
    """AWP works with every method, and restores the weights."""
    model = trainer(name, make_tiny, 0.005)
    seen = []
    applied = WeightPerturbation.applied

    @contextmanager
    def watched(self, weights, outer, *rest):
        before, kept = total(outer()), [w.numpy() for w in weights]
        with applied(self, weights, outer, *rest):
            seen.append(total(outer()) - before)
            yield
        assert all(
            np.array_equal(w, k) for w, k in zip(weights, kept, strict=True)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WeightPerturbation, "applied", watched)
        model.train_step(batch)
    assert seen[0] > 0


def total(terms):
    return float(tf.add_n(list(terms.values())))


@pytest.mark.parametrize("name", first_of(OBJECTIVES))
def test_an_average_is_kept_beside_the_weights(name, make_tiny, batch):
    averaging = Averaging(decay=0.25, start=0.0)
    model = trainer(name, make_tiny, averaging=averaging)
    weights = model.classifier.weights
    before = [w.numpy() for w in weights]
    model.train_step(batch)
    for (w, mean), old in zip(
        model.average.values(weights), before, strict=True
    ):
        expected = 0.25 * old + 0.75 * w.numpy()
        np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", first_of(OBJECTIVES, ("trades",)))
def test_a_second_branch_that_is_not_needed_is_left_alone(
    name, make_tiny, batch, snapshot, same
):
    objective = short(name)
    if objective.branches == 2:
        objective = dataclasses.replace(objective, split_bn=False)
    losses = []
    for branches in (1, 2):
        classifier = make_tiny(branches)
        model = AdversarialModel(classifier, objective, augment=Unchanged())
        model.compile(optimizer=SGD(0.05))
        model.total_steps.assign(1)
        second = classifier.branches[1].variables if branches == 2 else []
        own = [v for v in second if "branch1" in v.path]
        before = snapshot(own)
        losses.append(float(model.train_step(batch)["loss"]))
        assert same(before, snapshot(own))
    assert len(own) == 8
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("name", first_of(OBJECTIVES, ("trades",)))
def test_one_trace_serves_a_whole_run(name, make_tiny, batch):
    """Ramps, warm-ups and starts read variables, not Python numbers."""
    traces = []

    class Counting(AdversarialModel):
        def train_step(self, data):
            traces.append(1)
            return super().train_step(data)

    objective = short(name, batch_size=4)
    if hasattr(objective, "warmup"):
        objective = dataclasses.replace(objective, warmup=0.5)
    model = Counting(
        make_tiny(objective.branches),
        objective,
        augment=Unchanged(),
        weight_perturbation=WeightPerturbation(0.005, start=0.5),
    )
    schedule = CosineConfig(warmup=2)
    config = SGDConfig(0.05, schedule=schedule, restarts=(2,))
    model.compile(
        optimizer=config.build(epochs=4, steps_per_epoch=2),
        averaging=Averaging(start=0.5),
        jit_compile=False,
    )
    x, y = (part.numpy() for part in batch)
    history = model.fit(x, y, batch_size=4, epochs=4, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert int(model.step) == 8 and traces == [1]


@pytest.mark.bfloat16
@pytest.mark.parametrize("name", first_of(OBJECTIVES))
def test_runs_in_bfloat16(name, make_tiny, batch):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        classifier = make_tiny(short(name).branches)
    finally:
        keras.config.set_dtype_policy("float32")
    model = AdversarialModel(classifier, short(name), augment=Unchanged())
    model.compile(optimizer=SGD(0.05))
    model.total_steps.assign(1)
    terms = model.train_step(batch)
    assert all(np.isfinite(float(value)) for value in terms.values())


@pytest.mark.thorough
@pytest.mark.parametrize("name", OBJECTIVES)
def test_runs_compiled_with_every_addition(name, make_tiny, batch):
    """A seed gives the same first losses with and without XLA."""
    averaging = Averaging(decay=0.5, start=0.0)
    model, twin = (
        trainer(
            name,
            make_tiny,
            0.005,
            averaging=averaging,
            jit_compile=jit_compile,
            run_eagerly=not jit_compile,
        )
        for jit_compile in (True, False)
    )
    x, y = (part.numpy() for part in batch)
    compiled, expected = (
        m.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0).history
        for m in (model, twin)
    )
    assert model.jit_compile and int(model.step) == 1
    for term, (value,) in compiled.items():
        assert value == pytest.approx(expected[term][0], rel=1e-3), term
