"""Every argument of constructors, `compile` and `fit` works or is refused."""

import dataclasses
import inspect
import math
import typing

import keras
import numpy as np
import pytest
from keras import layers

from dat_keras.attacks import (
    APGD,
    FAB,
    PGD,
    CrossEntropyPlusKL,
    NormalStart,
    Square,
)
from dat_keras.augment import AUGMENTS
from dat_keras.core.threat_models import L2, Linf
from dat_keras.objectives import OBJECTIVES, Natural
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.guards import Assertions, Flags
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.kinds import fits

JUNK = ["6", None, object(), [], {}, -1.5, math.nan, True, int, print]

SETTINGS = [
    *OBJECTIVES.values(),
    *AUGMENTS.values(),
    APGD,
    FAB,
    PGD,
    Square,
    CrossEntropyPlusKL,
    NormalStart,
    Linf,
    L2,
    AmplitudeMixup,
    WeightPerturbation,
    Averaging,
]


def named(junk):
    """The same name in every process: an `object` shows its address."""
    return type(junk).__name__ if type(junk) is object else str(junk)


NEEDED = {"threat_model": Linf(0.1), "eps": 0.1, "beta": 1.0}


@pytest.mark.parametrize("cls", SETTINGS, ids=lambda cls: cls.__name__)
def test_fields_take_their_kind_or_say_what_is_wrong(cls):
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = [f for f in dataclasses.fields(cls) if f.init]
    needed = {
        f.name: NEEDED[f.name]
        for f in fields
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    }
    for field in fields:
        for junk in JUNK:
            try:
                made = cls(**needed | {field.name: junk})
            except ValueError as error:
                assert "\n" not in str(error)
                continue
            assert fits(junk, hints[field.name]), (field.name, junk)
            assert getattr(made, field.name) is junk


@pytest.mark.parametrize("junk", JUNK, ids=named)
@pytest.mark.parametrize(
    "argument",
    [
        name
        for name in inspect.signature(AdversarialModel).parameters
        if name != "classifier"
    ],
)
def test_the_constructor_takes_no_junk(argument, junk, net):
    settings = {"objective": Natural()} | {argument: junk}
    if argument == "attack_dtype" and junk is None:
        return
    with pytest.raises(ValueError) as error:
        AdversarialModel(net, **settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("junk", JUNK[2:], ids=named)
@pytest.mark.parametrize("argument", ["averaging", "clip_norm", "loss"])
def test_compile_takes_no_junk(argument, junk, net):
    model = AdversarialModel(net, Natural())
    with pytest.raises(ValueError) as error:
        model.compile(SGD(0.1), **{argument: junk})
    assert "\n" not in str(error.value)


@pytest.fixture
def net():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3)]
    )


@pytest.fixture
def data():
    x = np.random.default_rng(0).random((12, 4, 4, 1), np.float32)
    return x, np.arange(12) % 3


class Calls(keras.callbacks.Callback):
    """Counts batches."""

    def __init__(self):
        super().__init__()
        self.train = self.test = 0

    def on_train_batch_end(self, batch, logs=None):
        self.train += 1

    def on_test_batch_end(self, batch, logs=None):
        self.test += 1


class Seen:
    """A fit of two epochs with its settings: what it did."""

    def __init__(self, net, data, compiled=None, **settings):
        self.model = AdversarialModel(
            net,
            Natural(),
            augment="none",
            eval_attack=PGD(Linf(0.01), steps=1),
        )
        self.model.compile(**{"optimizer": SGD(0.1)} | (compiled or {}))
        self.calls = Calls()
        settings = {
            "batch_size": 4,
            "epochs": 2,
            "shuffle": False,
            "verbose": 0,
            "callbacks": [self.calls],
        } | settings
        self.history = self.model.fit(*data, **settings).history
        self.steps = int(self.model.step)
        self.weights = net.get_weights()[0]


def test_every_argument_of_fit_has_an_effect(net, data):
    first = net.get_weights()

    def seen(**settings):
        net.set_weights(first)
        return Seen(net, data, **settings)

    plain = seen()
    assert (plain.steps, plain.calls.train, plain.calls.test) == (6, 6, 0)
    assert np.array_equal(seen().weights, plain.weights)
    other = np.linspace(0, 2, 12)
    effects = {
        "batch_size": seen(batch_size=6).steps == 4,
        "epochs": seen(epochs=3).steps == 9,
        "initial_epoch": seen(initial_epoch=1).steps == 3,
        "steps_per_epoch": seen(steps_per_epoch=2, epochs=1).steps == 2,
        "shuffle": not np.array_equal(
            seen(shuffle=True).weights, plain.weights
        ),
        "sample_weight": not np.array_equal(
            seen(sample_weight=other).weights, plain.weights
        ),
        "class_weight": not np.array_equal(
            seen(class_weight={0: 1.0, 1: 2.0, 2: 0.0}).weights, plain.weights
        ),
        "validation_data": seen(validation_data=data).calls.test == 6,
        "validation_split": seen(validation_split=0.34).calls.test == 4,
        "validation_freq": seen(
            validation_data=data, validation_freq=2
        ).calls.test
        == 3,
        "validation_steps": seen(
            validation_data=data, validation_steps=1
        ).calls.test
        == 2,
        "validation_batch_size": seen(
            validation_data=data, validation_batch_size=12
        ).calls.test
        == 2,
        "total_steps": int(seen(total_steps=20).model.total_steps) == 20,
    }
    assert [name for name, works in effects.items() if not works] == []
    # The rest is what every test here passes.
    known = {*effects, "x", "y", "verbose", "callbacks"}
    theirs = inspect.signature(keras.Model.fit).parameters
    assert {"total_steps", *theirs} - {"self"} == known


def test_every_argument_of_compile_has_an_effect_or_is_refused(net, data):
    def seen(**compiled):
        return Seen(net, data, compiled=compiled)

    model = seen().model
    assert isinstance(model.guard, Assertions)
    xla = seen(jit_compile=True)
    assert isinstance(xla.model.guard, Flags) and xla.steps == 6
    assert seen(steps_per_execution=3).calls.train == 2
    assert not seen(run_eagerly=True).model.jit_compile
    assert "accuracy" in seen(metrics=["accuracy"]).history
    weighted = seen(weighted_metrics=["accuracy"]).history
    assert "weighted_accuracy" in weighted or "accuracy" in weighted
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = AdversarialModel(net, Natural())
        with pytest.raises(ValueError, match="mixed_bfloat16"):
            model.compile(SGD(0.1))
        model.compile(SGD(0.1), auto_scale_loss=False)
    finally:
        keras.config.set_dtype_policy("float32")
    known = {
        "optimizer",
        "loss",
        "loss_weights",
        "metrics",
        "weighted_metrics",
        "run_eagerly",
        "steps_per_execution",
        "jit_compile",
        "auto_scale_loss",
    }
    theirs = inspect.signature(keras.Model.compile).parameters
    assert set(theirs) - {"self"} == known


def test_an_optimizer_that_divides_by_a_scale_is_refused(net):
    model = AdversarialModel(net, Natural())
    with pytest.raises(ValueError, match="`loss_scale_factor` out"):
        model.compile(keras.optimizers.SGD(0.1, loss_scale_factor=2.0))


def test_a_float16_classifier_is_refused_under_any_policy(tmp_path):
    image = keras.Input((4, 4, 1))
    hidden = layers.Flatten(dtype="mixed_float16")(image)
    net = keras.Model(image, layers.Dense(3, dtype="float32")(hidden))
    model = AdversarialModel(net, Natural())
    with pytest.raises(ValueError, match="mixed_bfloat16.*in float16") as error:
        model.compile(SGD(0.1))
    assert "\n" not in str(error.value)
    model.compile(SGD(0.1), auto_scale_loss=False)
    model.save(tmp_path / "m.keras")
    assert keras.models.load_model(tmp_path / "m.keras").compiled


def test_a_classifier_of_which_nothing_trains_is_refused(net):
    model = AdversarialModel(net, Natural())
    net.trainable = False
    with pytest.raises(ValueError, match="`trainable = True`"):
        model.compile(SGD(0.1))
    net.layers[-1].trainable = net.trainable = True
    model.compile(SGD(0.1))
