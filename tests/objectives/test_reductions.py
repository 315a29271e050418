"""Methods that become another one at some setting, in value and image."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, CrossEntropy, KLFromClean, NormalStart
from dat_keras.augment import Unchanged
from dat_keras.losses import kl_divergence
from dat_keras.model import AdversarialModel
from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    LASTRADES,
    MART,
    OAAT,
    PGDAT,
    SCARL,
    ST,
    TRADES,
    Natural,
)
from dat_keras.objectives.st import squeeze
from dat_keras.objectives.strategy import Policy
from dat_keras.optimizers import SGD
from dat_keras.predict import Predictor
from dat_keras.threat_models import Linf
from dat_keras.types import View
from dat_keras.weight_perturbation import WeightPerturbation

EPS = 8 / 255
CE = PGD(Linf(EPS), CrossEntropy(), steps=3, start=NormalStart())
KL = replace(CE, loss=KLFromClean())
PLAIN = PGD(Linf(EPS), steps=3)
SINGLE = Policy("resnet8", (8,), (3,), (2,))

REDUCTIONS = {
    "trades without divergence": (TRADES(KL, beta=0.0), Natural()),
    "st without regularizer": (ST(CE, beta=0.0), Natural()),
    "las-at with one strength": (
        LASAT(PLAIN, SINGLE, true_class=1.0),
        PGDAT(PLAIN),
    ),
    "las-trades with one strength": (
        LASTRADES(KL, SINGLE, beta_grid=(6,)),
        TRADES(KL),
    ),
    "idbh without augmentation": (
        IDBH(PLAIN, augment=Unchanged()),
        PGDAT(PLAIN),
    ),
    "dajat of the base view": (
        DAJAT(KL, beta=6.0, augmentations=0, ramp=0.0),
        TRADES(KL),
    ),
}


def total(objective, step, views=None):
    views = views or objective.craft(step)
    predict = Predictor(step.predict.classifier).batchwise
    terms = objective.loss(predict, views, step.y)
    return float(tf.add_n(list(terms.values())))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduces(name, tiny_model, make_step):
    ours, theirs = REDUCTIONS[name]
    values = [total(o, make_step(tiny_model, o)) for o in (ours, theirs)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_trades_on_attacked_images_without_divergence_is_pgd_at(
    tiny_model, make_step
):
    trades, pgd_at = TRADES(CE, beta=0.0), PGDAT(CE)
    step = make_step(tiny_model, trades)
    (view,) = trades.craft(step)
    attacked = (View(view.x_adv, view.x_adv),)
    assert total(trades, step, attacked) == pytest.approx(
        total(pgd_at, step), rel=1e-6
    )


def test_mart_and_trades_attack_alike_with_the_same_loss(tiny_model, make_step):
    mart, trades = MART(KL), TRADES(KL)
    step = make_step(tiny_model, mart)
    (a,), (b,) = mart.craft(step), trades.craft(step)
    np.testing.assert_array_equal(a.x_adv, b.x_adv)


def test_scarl_without_semantics_is_trades_but_for_its_labels(
    tiny_model, make_step
):
    scarl = SCARL(KL, mutual_information=0.0, geometry=0.0)
    step = make_step(tiny_model, scarl)
    (view,) = scarl.craft(step)
    divergence = total(TRADES(KL), step) - total(Natural(), step)
    labels = total(Natural(), step, (View(view.x_adv, view.x_adv),))
    expected = labels + divergence
    assert total(scarl, step) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", [PGDAT(PLAIN), DAJAT(KL), DAT(KL)])
def test_perturbation_that_has_not_begun_is_the_host(
    objective, make_tiny, batch, snapshot, same
):
    results = []
    for settings in (WeightPerturbation(), WeightPerturbation(0.01, start=0.9)):
        model = AdversarialModel(
            make_tiny(objective.branches),
            objective,
            augment=Unchanged(),
            weight_perturbation=settings,
        )
        model.compile(optimizer=SGD(0.1, momentum=0.9))
        model.total_steps.assign(10)
        model.train_step(batch)
        results.append(snapshot(model.classifier.variables))
    assert same(*results)


def test_oa_at_of_one_radius_is_trades(tiny_model, make_step):
    # Before the last quarter nothing is mixed and no distance is measured;
    # at its half the radius is half the final one.
    ours = OAAT(replace(KL, threat_model=Linf(2 * EPS)), beta=6.0, stages=2)
    step = make_step(tiny_model, ours, progress=tf.constant(0.0))
    now = ours.moment(step.progress, tf.constant(True))
    theirs = TRADES(replace(KL, start=now.attack.start, step_size=EPS / 4))
    batchwise = replace(step, predict=step.predict.batchwise)
    (a,) = ours.craft(step)
    same_key = step.key.fold_in("attack")
    expected = theirs.attack(batchwise.predict, step.x, step.y, same_key)
    np.testing.assert_allclose(a.x_adv, expected, atol=1e-6)
    assert total(ours, step, (a,)) == pytest.approx(
        total(theirs, step, (View(a.x, a.x_adv),)), rel=1e-6
    )


def test_st_without_its_collaborative_images_is_one_sided_trades(
    tiny_model, make_step
):
    step = make_step(tiny_model, ST(CE))
    (view,) = TRADES(CE).craft(step)
    predict = step.predict
    upper, lower = predict(view.x_adv), predict(view.x)
    from_still = kl_divergence(tf.stop_gradient(lower), upper)
    both = squeeze(upper, lower)
    back = kl_divergence(upper, lower)
    np.testing.assert_allclose(2 * both - back, from_still, atol=1e-6)
    robust = TRADES(CE).loss(predict, (view,), step.y)["robust"]
    assert float(robust) == pytest.approx(
        6 * float(tf.reduce_mean(from_still)), rel=1e-5
    )
