"""Catastrophic overfitting is found where it is, and nowhere else."""

import csv
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import CleanStart, pgd
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.core.weights import load_weights
from dat_keras.data import Split
from dat_keras.objectives import (
    FGSMRS,
    NFGSM,
    OBJECTIVES,
    PGDAT,
    TRADES,
    Natural,
)
from dat_keras.optimizers import SGD
from dat_keras.training.callbacks import CatastrophicOverfitting
from dat_keras.training.catastrophic_overfitting import (
    NAMES,
    is_overfitted,
    one_step,
    watching,
)
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.run_folder import RunFolder

EPS = 0.1
BALL = Linf(EPS)


@keras.saving.register_keras_serializable("tests")
class Margin(keras.layers.Layer):
    """Logits `(m, -m)`, `m` a function of the first pixel's distance."""

    def __init__(self, kind, **options):
        super().__init__(**options)
        self.kind = kind

    def build(self, shape):
        self.scale = self.add_weight(
            shape=(1,), initializer="ones", name="scale"
        )

    def call(self, x):
        t = (x[:, 0, 0, 0] - 0.5) / EPS
        margin = {
            # Right at the corners +-eps, wrong half way to them.
            "distorted": keras.ops.cos(2 * np.pi * t) + 0.1 * t,
            "robust": 2.0 + t,
            "not robust": 0.5 + t,
        }[self.kind]
        return self.scale * keras.ops.stack([margin, -margin], axis=-1)


def classifier(kind):
    layers = [keras.Input((1, 1, 1)), Margin(kind, name="margin")]
    return keras.Sequential(layers, name="toy")


def watch_of(kind, **options):
    said = []
    watch = CatastrophicOverfitting(
        np.full((5, 1, 1, 1), 0.5),
        np.zeros(5),
        one_step(BALL),
        say=said.append,
        batch_size=2,
        **options,
    )
    model = classifier(kind)
    watch.set_model(
        SimpleNamespace(
            classifier=model,
            stop_training=False,
            inference_scope=nullcontext,
        )
    )
    watch.on_train_begin()
    return watch, said


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("distorted", (1, 0)), ("robust", (1, 1)), ("not robust", (0, 0))],
)
def test_accuracies_under_one_step_and_under_pgd(kind, expected):
    watch, _ = watch_of(kind)
    assert watch.accuracies() == expected


@pytest.mark.parametrize(
    ("step", "strong", "found"),
    [
        (0.95, 0.0, True),
        (0.45, 0.22, True),
        # Both fall, as after a rate that was too high.
        (0.10, 0.08, False),
        (0.10, 0.0, False),
        # Healthy; overfitting that PGD sees as well; N-FGSM's wider step.
        (0.45, 0.40, False),
        (1.00, 0.85, False),
        (0.30, 0.45, False),
        # Natural training: neither is robust.
        (0.15, 0.01, False),
    ],
)
def test_the_rule(step, strong, found):
    assert is_overfitted(step, strong) is found


def test_it_says_so_once_and_writes_both_accuracies_into_the_logs():
    watch, said = watch_of("distorted")
    logs = [{}, {}]
    for epoch, log in enumerate(logs):
        watch.on_epoch_end(epoch, log)
    assert logs == [dict(zip(NAMES, (1.0, 0.0), strict=True))] * 2
    (sentence,) = said
    assert "\n" not in sentence
    assert sentence.startswith("caution: catastrophic overfitting in epoch 1")
    assert "100% accurate under the attack of the training, 0% under PGD" in (
        sentence
    )
    assert sentence.endswith("no earlier epoch was without it")
    assert watch.model.stop_training is False


def test_it_stops_the_training_if_asked():
    watch, _ = watch_of("distorted", stop=True)
    watch.on_epoch_end(0, {})
    assert watch.model.stop_training is True


@pytest.mark.parametrize("kind", ["robust", "not robust"])
def test_it_is_silent_where_both_agree(kind):
    watch, said = watch_of(kind, stop=True)
    watch.on_epoch_end(0, {})
    assert said == [] and watch.model.stop_training is False


def measures(watch, *pairs):
    """Gives a callback the accuracies of its epochs."""
    watch.accuracies = iter(pairs).__next__


def test_the_weights_of_the_last_good_epoch_are_kept(tmp_path):
    path = tmp_path / "good.safetensors"
    watch, said = watch_of("robust", path=path)
    good, bad = (0.5, 0.45), (0.9, 0.0)
    measures(watch, good, good, bad, bad, good, bad)
    (scale,) = watch.model.classifier.weights
    kept = []
    for epoch in range(6):
        scale.assign([epoch])
        watch.on_epoch_end(epoch, {})
        twin = classifier("robust")
        load_weights(twin, path)
        kept.append(int(twin.weights[0][0]))
    assert kept == [0, 1, 1, 1, 4, 4]
    # It recovered in epoch 5, so the second fall is told as well.
    assert len(said) == 2
    assert said[0].endswith(f"the weights of epoch 2 are kept in {path}")
    assert said[1].endswith(f"the weights of epoch 5 are kept in {path}")


def test_a_resumed_run_points_to_the_weights_of_the_first_part(tmp_path):
    path = tmp_path / "good.safetensors"
    watch, _ = watch_of("robust", path=path)
    watch.on_epoch_end(0, {})
    resumed, said = watch_of("distorted", path=path)
    resumed.on_epoch_end(1, {})
    assert said[0].endswith(
        f"the weights of an earlier epoch are kept in {path}"
    )


def test_without_a_path_it_names_the_epoch():
    watch, said = watch_of("robust")
    measures(watch, (0.5, 0.45), (0.9, 0.0))
    for epoch in range(2):
        watch.on_epoch_end(epoch, {})
    assert said[0].endswith("epoch 1 was the last without it")


def test_the_default_voice_is_a_warning():
    watch = CatastrophicOverfitting(np.zeros((1, 1, 1, 1)), np.zeros(1))
    with pytest.warns(UserWarning, match="heard"):
        watch.say("heard")


@pytest.mark.parametrize("labels", [0, 2])
def test_images_without_labels_are_refused(labels):
    with pytest.raises(ValueError, match="one label for each. Received: "):
        CatastrophicOverfitting(np.zeros((labels and 1, 1, 1, 1)), [0] * labels)


def watched(objective, tmp_path):
    images = np.zeros((300, 2, 2, 1), np.uint8)
    split = Split(images, np.zeros(300, np.int32), ("a", "b"), "zeros")
    return watching(objective, split, RunFolder(tmp_path), print)


def test_runs_with_one_step_are_watched_and_others_are_not(tmp_path):
    one = replace(PGDAT().attack, steps=1)
    for objective in (PGDAT(one), TRADES(one), FGSMRS(), NFGSM()):
        (watch,) = watched(objective, tmp_path)
        assert watch.step == objective.attack and len(watch.x) == 256
        assert watch.strong == pgd(one.threat_model, steps=10)
        assert watch.path.name == "last-good.safetensors"
    for objective in (Natural(), PGDAT(), TRADES()):
        assert watched(objective, tmp_path) == []


def test_published_methods_with_many_steps_are_not_watched():
    many = ("natural", "pgd-at", "trades", "dat", "las-at", "oa-at")
    assert all(OBJECTIVES[name]().single_step is None for name in many)


def test_it_runs_in_fit_and_its_numbers_reach_other_callbacks(
    tiny_model, batch, tmp_path
):
    x, y = (part.numpy() for part in batch)
    model = AdversarialModel(
        tiny_model,
        PGDAT(replace(PGDAT().attack, steps=1, start=CleanStart())),
        augment=Unchanged(),
    )
    model.compile(optimizer=SGD(0.01))
    file = tmp_path / "log.csv"
    watch = CatastrophicOverfitting(x, y, model.objective.attack, say=str)
    history = model.fit(
        x,
        y,
        epochs=2,
        verbose=0,
        callbacks=[watch, keras.callbacks.CSVLogger(file)],
    )
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert len(rows) == 2 and set(NAMES) <= rows[0].keys()
    expected = float(rows[-1]["train_accuracy_step"])
    assert watch.accuracies()[0] == pytest.approx(expected)
    assert tf.math.is_finite(history.history["loss"][-1])
