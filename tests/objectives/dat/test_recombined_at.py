"""PGD-AT and TRADES with DAT's generator: reductions, branches, ascent."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, KLFromClean, NoisyFGSM, NormalStart
from dat_keras.augment import Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import (
    DAT,
    MART,
    PGDAT,
    TRADES,
    GradAlign,
    RecombinedAT,
)
from dat_keras.objectives.dat.adv_gradient import ADV_GRADIENTS
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.example_weights import weighted_by
from dat_keras.objectives.step import View
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

SHORT = PGD(Linf(8 / 255), steps=2, start=NormalStart())
BASES = {
    "pgd-at": PGDAT(SHORT),
    "trades": TRADES(replace(SHORT, loss=KLFromClean())),
}
bases = pytest.mark.parametrize("base", BASES.values(), ids=BASES)


def total(objective, step, views):
    predict = step.predict.with_batch_statistics
    terms = objective.loss(predict, views, step.y)
    return float(tf.add_n(list(terms.values())))


@bases
def test_twice_the_same_view_is_the_base(base, tiny_model, make_step):
    ours = RecombinedAT(
        base, AmplitudeMixup(mu=0.0), augment=Unchanged(), split_bn=False
    )
    step = make_step(tiny_model, ours)
    expected = total(base, step, base.craft(step))
    views = ours.craft(step)
    np.testing.assert_allclose(views[1].x, step.x, atol=1e-6)
    assert total(ours, step, views) == pytest.approx(expected, rel=1e-4)


@bases
def test_the_loss_is_the_mean_of_the_bases_on_both_views(
    base, tiny_branched, make_step
):
    ours = RecombinedAT(base)
    step = make_step(tiny_branched, ours)
    views = ours.craft(step)
    assert [v.branch for v in views] == [0, 1]
    halves = [total(base, step, (view,)) for view in views]
    expected = sum(halves) / 2
    assert total(ours, step, views) == pytest.approx(expected, rel=1e-6)
    climbed = ours.ascent_loss(
        Predictor(tiny_branched).with_batch_statistics, views, step.y
    )
    climbed = float(tf.add_n(list(climbed.values())))
    assert climbed == pytest.approx(halves[1] / 2, rel=1e-6)


@bases
def test_weights_of_examples_weigh_both_views(base, tiny_branched, make_step):
    ours = RecombinedAT(base)
    step = make_step(tiny_branched, ours)
    views = ours.craft(step)
    # Inference mode, for images not to meet in BatchNorm.
    step = replace(step, predict=Predictor(tiny_branched).frozen())

    def weighed(weights):
        with weighted_by(tf.constant(weights, tf.float32)):
            terms = ours.loss(step.predict, views, step.y)
        return float(tf.add_n(list(terms.values())))

    shares = [weighed(row) for row in np.eye(8)]
    draw = np.random.default_rng(0).uniform(size=8)
    assert weighed(draw) == pytest.approx(np.dot(draw, shares), rel=1e-5)
    assert weighed([1] * 8) == pytest.approx(sum(shares), rel=1e-5)
    assert np.std(shares) > 0
    assert ours.weights_examples


def test_recombined_images_are_those_of_dat(tiny_branched, make_step):
    ours, dat = RecombinedAT(BASES["trades"]), DAT(SHORT)
    step = make_step(tiny_branched, ours)
    np.testing.assert_array_equal(ours.craft(step)[1].x, dat.craft(step)[1].x)


@bases
@pytest.mark.parametrize("update", ["fused", "sequential"])
def test_a_small_step_of_the_generator_raises_the_loss(
    base, update, tiny_branched, batch
):
    # Each step leaves the ball, so that the last projection was active.
    base = replace(base, attack=replace(base.attack, step_size=16 / 255))
    ours = RecombinedAT(
        base, amplitude_scale="match_mean", augment=Unchanged(), update=update
    )
    model = AdversarialModel(tiny_branched, ours, augment=Unchanged())
    model.compile(optimizer=SGD(0.0))
    learned = model.adversary
    learned.optimizer = SGD(0.01)
    learned.optimizer.build(learned.generator.trainable_variables)
    step = model._augment(model.checked(batch))
    views = ours.craft(step)
    before = total(ours, step, views)
    model.train_step(batch)
    base_view, old = views
    x = ours.attach(step, views)[1].x
    # The attached image has the value of the crafted one: move it along.
    follows = ADV_GRADIENTS["projection"](old.x_adv, old.x, 8 / 255)
    x_adv = old.x_adv + tf.cast(follows, tf.float32) * (x - old.x)
    assert total(ours, step, (base_view, View(x, x_adv, 1))) > before


@bases
def test_without_its_attack_it_has_the_same_clean_images(
    base, tiny_branched, make_step
):
    ours = RecombinedAT(base)
    step = make_step(tiny_branched, ours)
    views, clean = ours.craft(step), ours.without_attack().craft(step)
    for a, b in zip(views, clean, strict=True):
        np.testing.assert_array_equal(a.x, b.x)


@pytest.mark.parametrize(
    "base",
    [MART(), PGDAT(NoisyFGSM(Linf(8 / 255))), GradAlign()],
    ids=["mart", "n-fgsm", "grad-align"],
)
def test_other_bases_are_refused(base):
    with pytest.raises(ValueError, match="must be `PGDAT` or `TRADES`"):
        RecombinedAT(base)
