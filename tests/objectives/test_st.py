"""ST: worked numbers, the order of the triple, reductions."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, NormalStart
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import ST, TRADES, Natural
from dat_keras.objectives.st import SqueezedView, extremes, squeeze
from dat_keras.objectives.step import View

SHORT = ST(PGD(Linf(8 / 255), steps=3, start=NormalStart()))


@dataclass(frozen=True)
class Identity:
    """Logits are the images; every call counts."""

    calls: list

    def __call__(self, x, branch=0):
        self.calls.append("moving")
        return x

    @property
    def with_batch_statistics(self):
        def predict(x, branch=0):
            self.calls.append("frozen")
            return x

        return predict


def test_worked_example():
    even, sure = tf.constant([[0.0, 0.0]]), tf.constant([[math.log(3), 0.0]])
    assert float(squeeze(even, sure)[0]) == pytest.approx(0.137327, abs=1e-6)
    assert float(squeeze(sure, even)[0]) == pytest.approx(0.137327, abs=1e-6)


def test_gradient_leaves_the_targets_out():
    a, b = tf.constant([[0.4, 0.0]]), tf.constant([[1.3, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        value = squeeze(a, b)
    p, q = (1 / (1 + math.exp(-v)) for v in (0.4, 1.3))
    # d KL(q || p) / d a_0 = p - q with q held still.
    ours = tape.gradient(value, [a, b])
    assert float(ours[0][0, 0]) == pytest.approx((p - q) / 2, abs=1e-6)
    assert float(ours[1][0, 0]) == pytest.approx((q - p) / 2, abs=1e-6)


def test_ties_go_to_the_first():
    triple = tf.zeros((3, 2, 4))
    for index in extremes(triple, tf.constant([0, 1])):
        assert index.numpy().tolist() == [0, 0]


def test_loss_picks_each_row_for_itself(assert_close):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 20, 4)).astype("f")
    y = rng.integers(0, 4, 20)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    gaps, uppers = [], set()
    for row, label in enumerate(y):
        own = log_p[:, row, label]
        upper, lower = log_p[own.argmin(), row], log_p[own.argmax(), row]
        uppers.add((own.argmin(), own.argmax()))
        gaps.append(((np.exp(upper) - np.exp(lower)) * (upper - lower)).sum())
    assert len(uppers) > 3
    calls = []
    terms = ST(beta=3.0).loss(
        Identity(calls),
        (SqueezedView(z[0], z[2], x_col=tf.constant(z[1])),),
        tf.constant(y),
    )
    assert_close(terms["squeeze"], 3.0 * np.mean(gaps) / 2)
    assert_close(terms["natural"], -np.mean(log_p[0, np.arange(20), y]))
    assert sorted(calls) == ["frozen", "moving", "moving"]


def test_images_bracket_the_clean_one_where_they_were_searched(
    tiny_model, make_step
):
    objective = replace(SHORT, attack=replace(SHORT.attack, step_size=0.002))
    step = make_step(tiny_model, objective)
    (view,) = objective.craft(step)
    predict = Predictor(tiny_model).with_batch_statistics
    p_adv, p, p_col = (
        tf.gather(tf.nn.softmax(predict(x)), step.y, batch_dims=1).numpy()
        for x in (view.x_adv, view.x, view.x_col)
    )
    assert (p_adv < p).mean() > 0.8 and (p < p_col).mean() > 0.8
    distance = Linf(8 / 255).distance(view.x_col, view.x).numpy()
    assert (distance <= 8 / 255 + 1e-6).all()


def test_one_step_is_that_of_the_picked_images(
    tiny_model, make_step, assert_close
):
    objective = replace(SHORT, attack=replace(SHORT.attack, steps=1))
    step = make_step(tiny_model, objective)
    (view,) = objective.craft(step)
    attack, key = objective.attack, step.key.fold_in("attack")
    starts = [
        attack.start(attack.threat_model, step.x, key.fold_in(name))
        for name in ("collaborative", "adversarial")
    ]
    images = [step.x, *starts]
    predict = Predictor(tiny_model).with_batch_statistics
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = [predict(x) for x in images]
        p = np.stack(
            [
                tf.gather(tf.nn.softmax(z), step.y, batch_dims=1).numpy()
                for z in logits
            ]
        )
        upper, lower = p.argmin(0), p.argmax(0)
        rows = range(8)
        up = tf.stack([logits[upper[r]][r] for r in rows])
        low = tf.stack([logits[lower[r]][r] for r in rows])
        gap = squeeze(up, low)
    gradients = tape.gradient(gap, images)
    for made, pick in ((view.x_adv, upper), (view.x_col, lower)):
        start = np.stack([images[pick[r]][r] for r in rows])
        slope = np.stack([gradients[pick[r]][r] for r in rows])
        expected = np.clip(
            np.clip(
                start + 2 / 255 * np.sign(slope),
                step.x - 8 / 255,
                step.x + 8 / 255,
            ),
            0,
            1,
        )
        # Rounding decides the sign of gradients near zero.
        assert (np.abs(made - expected) < 1e-6).mean() > 0.99


def test_without_collaborative_images_a_side_of_it_is_trades(assert_close):
    rng = np.random.default_rng(3)
    y = tf.constant([0, 1, 2, 0])
    z = tf.constant(rng.normal(size=(4, 3)), tf.float32)
    # Less of the label for certain: the adversarial image is the upper one.
    z_adv = z - tf.one_hot(y, 3)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z_adv)
        view = SqueezedView(z, z_adv, x_col=z)
        ours = ST(beta=12.0).loss(Identity([]), (view,), y)["squeeze"]
        theirs = TRADES(beta=6.0).loss(Identity([]), (View(z, z_adv),), y)
    assert_close(
        tape.gradient(ours, z_adv), tape.gradient(theirs["robust"], z_adv)
    )


def test_beta_zero_is_natural_training(tiny_model, make_step):
    objective = replace(SHORT, beta=0.0)
    step = make_step(tiny_model, objective)
    terms = objective.loss(step.predict, objective.craft(step), step.y)
    natural = Natural().loss(step.predict, Natural().craft(step), step.y)
    assert float(sum(terms.values())) == float(natural["natural"])


def test_defaults():
    assert ST().attack == PGD(Linf(8 / 255), start=NormalStart(0.001))
    assert (ST().attack.steps, ST().attack.step_size) == (10, 2 / 255)
    assert ST().beta == 6.0
