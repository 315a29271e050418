"""The short AutoAttack of validation, from recipe to best checkpoint."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from keras.callbacks import Callback
from toy_nets import opinionated

from dat_keras import AdversarialModel, data
from dat_keras.attacks import Monitor
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.objectives import PGDAT
from dat_keras.optimizers import SGD
from dat_keras.recipes import Recipe, resolve
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.run_info import load_classifier
from dat_keras.training.train import train

SEED = 2
"""Of a run whose first epoch validates as the better one."""


@pytest.fixture(scope="module")
def recipe(colours):
    choice = {
        "dataset": str(colours),
        "method": "pgd-at",
        "architecture": "resnet8",
        "epochs": 2,
        "batch_size": 12,
        "seed": SEED,
    }
    settings = (
        "eval_attack=Monitor",
        "eval_attack.steps=3",
        "eval_attack.targets=1",
        "eval_attack.threat_model.eps=0.1",
        "width=2",
        "objective.attack.steps=1",
    )
    return resolve({**choice, "settings": settings})


class AfterFirst(Callback):
    """Does something between the first epoch and the second."""

    def __init__(self, do):
        super().__init__()
        self.do = do

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.do()


@pytest.fixture(scope="module")
def run(recipe, tmp_path_factory):
    """A run, what it said, and its classifier after the first epoch."""
    folder, said, first = tmp_path_factory.mktemp("runs") / "run", [], []
    keep = AfterFirst(lambda: first.append(load_classifier(folder, "last")))
    train(
        recipe, folder, options=RunOptions(say=said.append, callbacks=(keep,))
    )
    return folder, said, first[0]


def robust_accuracies(folder):
    with (folder / "history.csv").open(newline="") as file:
        return [float(r["val_robust_accuracy"]) for r in csv.DictReader(file)]


def test_a_setting_keeps_radius_and_steps_and_survives_json(recipe):
    assert recipe.eval_attack == Monitor(Linf(0.1), steps=3, targets=1)
    assert Recipe.from_json(recipe.to_json()) == recipe
    chosen = resolve({"settings": ("eval_attack=Monitor",)}).eval_attack
    assert chosen == Monitor(Linf(8 / 255), steps=20, targets=3)


def test_it_is_short():
    parts = Monitor(Linf(0.1)).parts()
    assert [p.stages(10) for p in parts.values()] == [1, 3]
    assert [p.passes(10) for p in parts.values()] == [(21, 21), (63, 63)]


def test_training_says_that_it_is_not_the_standard(run):
    _, said, _ = run
    (label,) = [sentence for sentence in said if "Monitor(" in sentence]
    assert "val_robust_accuracy" in label and "not AutoAttack's" in label


def test_validation_is_by_it_and_the_best_checkpoint_too(run, recipe):
    folder, _, first = run
    last, best = (load_classifier(folder, name) for name in ("last", "best"))
    robust = robust_accuracies(folder)
    found = [standing(each.model, recipe) for each in (first, last)]
    assert robust == pytest.approx(found, abs=1e-5)
    assert robust[0] > robust[1]
    assert best.fingerprint == first.fingerprint


def standing(model, recipe):
    """Share of validation images that each part alone leaves standing."""
    _, batches = data.load(
        recipe.dataset, ("train", "validation"), batch_size=recipe.batch_size
    )
    key = BatchKey.of(recipe.seed, 0).fold_in("validation")
    predict, robust = Predictor(model), []
    parts = enumerate(recipe.eval_attack.parts().values())
    parts = [(key.fold_in(number), part) for number, part in parts]
    for x, y in (batches[i] for i in range(len(batches))):
        stands = predict(x).numpy().argmax(-1) == y
        for own, part in parts:
            for stage in range(part.stages(3)):
                labels = tf.constant(y, tf.int32)
                x_adv = part(predict, x, labels, own, (stage, x))
                stands &= predict(x_adv).numpy().argmax(-1) == y
        robust += stands.tolist()
    return np.mean(robust)


@pytest.mark.thorough
def test_a_stopped_run_goes_on_with_it(run, recipe, tmp_path):
    def stop():
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(recipe, folder, options=RunOptions(callbacks=(AfterFirst(stop),)))
    other = replace(recipe, eval_attack=Monitor(L2(9.0)))
    with pytest.raises(ValueError, match="eval_attack"):
        train(other, folder, options=RunOptions(resume=True))
    train(recipe, folder, options=RunOptions(resume=True))
    assert robust_accuracies(folder) == robust_accuracies(run[0])
    kept = [f / "best.safetensors" for f in (folder, run[0])]
    assert kept[0].read_bytes() == kept[1].read_bytes()


def test_any_number_of_images_fits_in_a_batch():
    net, x, y = opinionated((6, 6, 2))
    attack = Monitor(Linf(0.25), steps=5)
    model = AdversarialModel(net, PGDAT(), eval_attack=attack)
    model.compile(SGD(0.1))
    logs = model.evaluate(x, y, batch_size=7, verbose=0, return_dict=True)
    # The last batch holds five.
    assert logs["accuracy"] == pytest.approx(21 / 26)
    assert 0 < logs["robust_accuracy"] < logs["accuracy"]


def test_as_an_attack_of_its_own_it_is_labelled():
    net, x, y = opinionated((6, 6, 2))
    attack = Monitor(Linf(0.02), steps=2)
    report = evaluate(net, (x, y), {"mine": attack}, eps=0.02)
    assert [c.code for c in report.cautions] == ["not_standard"]
    assert "not AutoAttack's" in str(report)
