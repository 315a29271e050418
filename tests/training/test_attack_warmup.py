"""Eps and step size grow over the first part of a run."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.attacks import PGD
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAJAT, DAT, PGDAT, FreeAT, Natural
from dat_keras.optimizers import SGD
from dat_keras.training.attack_warmup import warmed
from dat_keras.training.model import AdversarialModel

ATTACK = PGD(Linf(0.4), steps=1, step_size=0.4)


def model(warmup, objective=None):
    """A linear net of two pixels, whose weights are never zero."""
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [keras.Input((1, 2, 1)), layers.Flatten(), layers.Dense(2)]
    )
    made = AdversarialModel(
        net,
        objective or PGDAT(ATTACK),
        augment=Unchanged(),
        eval_attack=ATTACK,
        attack_warmup=warmup,
    )
    made.compile(SGD(0.1))
    return made


X, Y = np.full((4, 1, 2, 1), 0.5, "f"), np.array([0, 1, 0, 1])


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_a_step_is_one_at_the_radius_of_its_moment(step):
    warm, plain = model(0.5), model(0.0)
    share = min(step / 2, 1.0)
    attack = PGD(Linf(0.4 * share), steps=1, step_size=0.4 * share)
    fixed = model(0.0, PGDAT(attack))
    losses = []
    for each in (warm, plain, fixed):
        each.total_steps.assign(4)
        each.step.assign(step)
        losses.append(each.train_on_batch(X, Y, return_dict=True)["loss"])
    assert losses[0] == pytest.approx(losses[2], rel=1e-5)
    assert (losses[0] < losses[1] * 0.999) == (share < 1.0)


def test_dat_attacks_both_views_with_the_warmed_attack():
    half = warmed(DAT(ATTACK), tf.constant(0.25), 0.5)
    assert float(half.ae_attack.threat_model.eps) == pytest.approx(0.2)
    assert float(half.ae_attack.step_size) == pytest.approx(0.2)


def test_a_run_of_unknown_length_is_refused():
    with pytest.raises(ValueError, match=r"attack_warmup=0\.5 depends"):
        model(0.5).train_on_batch(X, Y)


@pytest.mark.parametrize(
    "objective", [Natural(), FreeAT(), DAJAT(split_bn=False)]
)
def test_methods_without_such_an_attack_are_refused(objective):
    with pytest.raises(ValueError, match="`attack_warmup` needs a method"):
        model(0.5, objective)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, "1", None])
def test_no_share_is_refused(wrong):
    with pytest.raises(ValueError, match="is a share of the run"):
        model(wrong)


def test_it_is_saved(tmp_path):
    model(0.5).save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    assert read.attack_warmup == 0.5
