"""A model that is saved and loaded goes on as if nothing had happened."""

import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from short_methods import everything, short

import dat_keras as dk
from dat_keras.attacks import PGD
from dat_keras.augment import CropFlip
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, Natural
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD, Averaging
from dat_keras.optimizers.schedules import StepDrop
from dat_keras.training.model import AdversarialModel

WEAK = PGD(Linf(8 / 255), steps=1)
METHODS = {
    "natural": lambda: Natural(),
    "fused": lambda: DAT(WEAK),
    "sequential": lambda: DAT(WEAK, update="sequential"),
    "trades": lambda: short("trades", 1),
    "las-at": lambda: short("las-at", 1),
    "scarl": lambda: short("scarl", 1),
    "free-at": lambda: short("free-at", 1),
}
FRESH = """
import sys
import dat_keras as dk
import keras
import numpy as np
dk.AdversarialModel
model = keras.models.load_model(sys.argv[1], safe_mode=True)
x, y = np.load(sys.argv[2]), np.arange(8) % 4
model.train_on_batch(x, y)
assert int(model.step) == 3, model.step
"""


@pytest.fixture
def make(make_tiny):
    """Builds a compiled model; settings are none of the defaults."""

    def build(objective, **compiled):
        model = AdversarialModel(
            make_tiny(objective.branches),
            objective,
            augment=CropFlip(pad=1),
            eval_attack=WEAK,
            weight_perturbation=WeightPerturbation(0.01),
            seed=5,
        )
        settings = {"averaging": Averaging(0.5, start=0.0), **compiled}
        rate = StepDrop(0.1, (1, 3))
        optimizer = SGD(rate, momentum=0.9, weight_decay=5e-4, restarts=(3,))
        model.compile(optimizer, **settings)
        model.total_steps.assign(4)
        return model

    return build


def train(model, batch, steps=2):
    for _ in range(steps):
        model.train_on_batch(*batch)
    return model


def save_and_load(model, tmp_path):
    model.save(tmp_path / "m.keras")
    return keras.models.load_model(tmp_path / "m.keras", safe_mode=True)


# The others keep no state beyond that of these.
@pytest.mark.parametrize(
    "method",
    first_of(METHODS, ("natural", "fused", "las-at")),
)
def test_the_loaded_model_takes_the_same_steps(
    make, batch, tmp_path, snapshot, same, method
):
    model = train(make(METHODS[method](), clip_norm=1.0), batch)
    loaded = save_and_load(model, tmp_path)
    assert loaded.objective == model.objective
    then = snapshot(everything(model))
    assert same(then, snapshot(everything(loaded)))
    train(model, batch)
    train(loaded, batch)
    assert int(loaded.step) == 4
    assert same(snapshot(everything(model)), snapshot(everything(loaded)))
    assert not same(then, snapshot(everything(loaded)))


def test_all_settings_come_back(make, tmp_path):
    robust = dk.metrics.RobustAccuracy("fgsm")
    model = make(DAT(WEAK), clip_norm=0.5, metrics=["accuracy", robust])
    loaded = save_and_load(model, tmp_path)
    for name in ("augment", "eval_attack", "weight_perturbation", "seed"):
        assert getattr(loaded, name) == getattr(model, name)
    assert loaded.attack_dtype is None
    assert loaded.clip_norm == 0.5
    assert loaded.average.averaging == model.average.averaging
    (metric,) = loaded.validation.plain
    assert (metric.name, metric.attack) == (robust.name, robust.attack)
    optimizer = loaded.optimizer.get_config()
    assert optimizer == model.optimizer.get_config()
    stored = model.get_compile_config()
    assert loaded.get_compile_config() == stored
    assert keras.models.clone_model(model).get_compile_config() == stored


def test_a_model_without_compile_is_saved_too(make_tiny, tmp_path):
    model = AdversarialModel(make_tiny(), Natural(), attack_dtype="bfloat16")
    loaded = save_and_load(model, tmp_path)
    assert not loaded.compiled
    assert loaded.attack_dtype == "bfloat16"


def test_the_same_configuration_builds_models_that_share_nothing(make_tiny):
    model = AdversarialModel(make_tiny(branches=2), "dat")
    config = model.get_config()
    first, second = (AdversarialModel.from_config(config) for _ in range(2))
    assert not {id(v) for v in first.variables} & {
        id(v) for v in second.variables
    }


def test_checkpoints_of_keras_can_be_loaded(make, batch, tmp_path):
    path = tmp_path / "best.keras"
    saving = keras.callbacks.ModelCheckpoint(path)
    model = make(Natural())
    model.fit(*batch, batch_size=8, verbose=0, callbacks=[saving])
    assert int(keras.models.load_model(path).step) == 1


def test_a_fresh_process_loads_it(make, batch, tmp_path):
    train(make(DAT(WEAK)), batch).save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", batch[0])
    arguments = (tmp_path / "m.keras", tmp_path / "x.npy")
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr[-2000:]


@dataclasses.dataclass(frozen=True)
class Halved(Natural):
    share: float = 0.5


def test_an_objective_of_the_user_is_saved_once_keras_knows_it(
    make_tiny, tmp_path
):
    model = AdversarialModel(make_tiny(), Halved(0.25))
    with pytest.raises(ValueError, match=r'get_custom_objects\(\)\["Halved"'):
        model.save(tmp_path / "m.keras")
    with keras.saving.custom_object_scope({"Halved": Halved}):
        loaded = save_and_load(model, tmp_path)
    assert loaded.objective == Halved(0.25)
    with pytest.raises(ValueError, match="Unknown class 'Halved'"):
        keras.models.load_model(tmp_path / "m.keras")
    loaded = keras.models.load_model(
        tmp_path / "m.keras", custom_objects={"Halved": Halved}
    )
    assert loaded.objective == Halved(0.25)


def test_a_teacher_is_refused_with_what_to_do(make_tiny, tmp_path):
    model = AdversarialModel(make_tiny(), dk.ARD(teacher=make_tiny()))
    with pytest.raises(ValueError, match=r"objective\.teacher.*save_weights"):
        model.save(tmp_path / "m.keras")


def test_a_tensor_in_a_setting_is_refused(make_tiny, tmp_path):
    attack = PGD(Linf(8 / 255), steps=tf.constant(3))
    model = AdversarialModel(make_tiny(), Natural(), eval_attack=attack)
    with pytest.raises(ValueError, match=r"eval_attack\.steps"):
        model.save(tmp_path / "m.keras")


@pytest.mark.parametrize("file", ["m.keras", "m.weights.h5"])
def test_dropout_goes_on_where_it_was(file, tmp_path):
    def made():
        net = keras.Sequential(
            [
                keras.Input((2, 2, 1)),
                keras.layers.Flatten(),
                keras.layers.Dropout(0.5, seed=1),
                keras.layers.Dense(3),
            ]
        )
        model = AdversarialModel(net, Natural(), augment="none")
        model.compile(SGD(0.1))
        return model

    model = made()
    batch = np.ones((8, 2, 2, 1), np.float32), np.arange(8) % 3
    train(model, batch)
    if file == "m.keras":
        read = save_and_load(model, tmp_path)
    else:
        model.save_weights(tmp_path / file)
        read = made()
        read.load_weights(tmp_path / file)
    for one in (model, read):
        train(one, batch, 1)
    for a, b in zip(model.weights, read.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    fresh = made()
    fresh.classifier.set_weights(read.classifier.get_weights())
    losses = [float(m.train_on_batch(*batch)[0]) for m in (read, fresh)]
    # Its masks differ, so the comparison above was one.
    assert losses[0] != losses[1]
