"""OA-AT: its schedule, its two kinds of late batches, its oracle."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, CrossEntropy, RandomStart
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import OAAT, TRADES
from dat_keras.objectives.oa_at.oracle import perceptual_distance, stage_outputs
from dat_keras.objectives.step import Ascent
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EVEN, ODD = tf.constant(True), tf.constant(False)
SHORT = OAAT(PGD(Linf(16 / 255), steps=4), stages=4)
LATE = tf.constant(0.9)


def pixels(value):
    return round(float(value) * 255, 4)


def settings(stage, stages=200, even=EVEN, **changes):
    """The settings in the middle of a stage."""
    progress = tf.constant((stage - 0.5) / stages)
    return OAAT(stages=stages, **changes).settings(progress, even)


@pytest.mark.parametrize(
    ("stage", "eps", "step", "steps"),
    [
        (1, 4, 2, 5),
        (50, 4, 2, 5),
        (51, 51 * 16 / 200, 51 * 4 / 200, 10),
        (100, 8, 2, 10),
        (150, 12, 3, 10),
        (200, 16, 4, 10),
    ],
)
def test_radius_follows_the_published_schedule(stage, eps, step, steps):
    now = settings(stage, even=ODD)
    assert pixels(now.eps) == pixels(now.attack.threat_model.eps)
    assert pixels(now.eps) == pytest.approx(eps, abs=1e-3)
    assert pixels(now.attack.step_size) == pytest.approx(step, abs=1e-3)
    assert int(now.attack.steps) == steps


def test_no_mixture_and_no_penalty_before_the_last_quarter():
    for even in (EVEN, ODD):
        now = settings(150, even=even)
        assert (float(now.ratio), float(now.distance)) == (1, 0)
        assert (float(now.beta), float(now.stretch)) == (1.5, 2)
        assert pixels(now.attack.start.eps) == 4


@pytest.mark.parametrize(
    ("stage", "ratio", "distance", "beta"),
    [(151, 1 - 0.2 / 51, 1 / 50, 1.53), (200, 1 - 10 / 51, 1, 3)],
)
def test_ramps_of_the_last_quarter(stage, ratio, distance, beta):
    mixes, penalizes = settings(stage), settings(stage, even=ODD)
    assert float(mixes.ratio) == pytest.approx(ratio, abs=1e-6)
    assert float(penalizes.distance) == pytest.approx(distance, abs=1e-6)
    assert (float(mixes.distance), float(penalizes.ratio)) == (0, 1)
    assert pixels(mixes.attack.threat_model.eps) == 24
    assert pixels(mixes.attack.step_size) == 6
    assert pixels(mixes.attack.start.eps) == 4
    assert pixels(penalizes.attack.start.eps) == pixels(penalizes.eps)
    for now in (mixes, penalizes):
        assert float(now.beta) == pytest.approx(beta, abs=1e-6)
        assert float(now.stretch) == 1


def test_early_batches_are_trades_with_cross_entropy(tiny_model, make_step):
    attack = PGD(Linf(8 / 255), steps=10)
    ours = OAAT(replace(attack, threat_model=Linf(16 / 255)), stages=2)
    step = make_step(tiny_model, ours, progress=tf.constant(0.0))
    (view,) = ours.craft(step)
    theirs = TRADES(
        replace(attack, start=RandomStart(), loss=CrossEntropy()), beta=1.5
    )
    # Half way the radius is 8/255; only the start is narrower.
    now = ours.settings(step.progress, EVEN)
    key = step.key.fold_in("attack")
    expected = replace(attack, start=now.attack.start)(
        step.predict.with_batch_statistics, step.x, step.y, key
    )
    np.testing.assert_allclose(view.x_adv, expected, atol=1e-6)
    predict = step.predict.with_batch_statistics
    a = ours.loss(predict, (view,), step.y)
    b = theirs.loss(predict, (view,), step.y)
    for name in ours.terms:
        assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-6)


def test_mixed_reference_is_numpys(tiny_model, make_step, assert_close):
    step = make_step(tiny_model, SHORT, progress=LATE)
    (view,) = SHORT.craft(step)
    ratio = 1 - 0.2 / 2
    assert float(view.settings.ratio) == pytest.approx(ratio)
    far = np.abs(view.x_far - view.x).max() * 255
    assert 16.5 < far <= 24.001
    clipped = np.clip(view.x_far - view.x, -16 / 255, 16 / 255)
    assert_close(view.x_adv, view.x + clipped, atol=1e-6)
    predict = step.predict.with_batch_statistics
    p, far, adv = (
        tf.nn.softmax(predict(x)).numpy().astype(np.float64)
        for x in (view.x, view.x_far, view.x_adv)
    )
    target = ratio * p + (1 - ratio) * far
    expected = (target * np.log(target / adv)).sum(-1).mean()
    terms = SHORT.loss(predict, (view,), step.y)
    assert_close(terms["robust"], 3 * expected, rtol=1e-4)


def test_no_mix_at_the_same_radius_is_the_plain_divergence(
    tiny_model, make_step
):
    ours = replace(SHORT, mix=0.0, mix_eps=16 / 255)
    step = make_step(tiny_model, ours, progress=LATE)
    (view,) = ours.craft(step)
    np.testing.assert_array_equal(view.x_far, view.x_adv)
    predict = step.predict.with_batch_statistics
    a = ours.loss(predict, (view,), step.y)
    b = TRADES(beta=3.0).loss(predict, (view,), step.y)
    assert float(a["robust"]) == pytest.approx(float(b["robust"]), rel=1e-6)


def odd(step):
    """The same step after one batch of its stage."""
    step.adversary.ascend(Ascent(step, (), [], pytest.fail))
    return step


def test_the_perceptual_penalty_keeps_images_nearer(make_tiny, make_step):
    distances = []
    for weight in (1e-9, 100.0):
        ours = replace(SHORT, perceptual=weight)
        step = odd(make_step(make_tiny(), ours, progress=LATE))
        (view,) = ours.craft(step)
        assert float(view.settings.distance) > 0
        oracle = step.adversary
        maps = [oracle.features(x) for x in (view.x, view.x_adv)]
        distances.append(float(tf.reduce_mean(perceptual_distance(*maps))))
    assert distances[1] < 0.9 * distances[0]


def test_without_weight_the_attack_climbs_the_cross_entropy(
    tiny_model, make_step
):
    views = []
    for weight in (0.0, 1e-12):
        ours = replace(SHORT, perceptual=weight)
        step = odd(make_step(tiny_model, ours, progress=LATE))
        views.append(ours.craft(step)[0].x_adv)
    np.testing.assert_allclose(*views, atol=1e-5)


def test_batches_alternate_and_stages_freeze_the_average(
    make_tiny, make_step, snapshot, same
):
    model = make_tiny()
    step = make_step(model, replace(SHORT, decay=0.5))
    oracle, turns, kept = step.adversary, [], []
    first = snapshot(oracle.frozen.average)
    for share in (0.0, 0.1, 0.2, 0.25, 0.3, 0.5):
        now = replace(step, progress=tf.constant(share))
        turns.append(bool(oracle.even(now.progress)))
        for w in model.trainable_variables:
            w.assign_add(tf.ones_like(w))
        oracle.ascend(Ascent(now, (), [], pytest.fail))
        kept.append(snapshot(oracle.frozen.average))
    assert turns == [True, False, True, True, False, True]
    assert all(same(first, k) for k in kept[:3])
    moved = [float((k[0] - first[0]).mean()) for k in kept]
    # One stage is copied; then half of each difference is left.
    assert moved[3:] == pytest.approx([3, 3, 3 + 0.5 + 0.75], abs=1e-5)


def test_distance_is_numpys_and_flat_where_images_agree(assert_close):
    rng = np.random.default_rng(0)
    maps = [rng.random((2, 3, 3, 4)), rng.random((2, 2, 2, 5))]
    others = [rng.random(m.shape) for m in maps]
    rows = []
    for side in (maps, others):
        unit = [m / np.linalg.norm(m, axis=-1, keepdims=True) for m in side]
        flat = [u.reshape(2, -1) / np.sqrt(u[0, ..., 0].size) for u in unit]
        rows.append(np.concatenate(flat, -1))
    a, b = ([tf.constant(m, tf.float32) for m in s] for s in (maps, others))
    expected = np.linalg.norm(rows[0] - rows[1], axis=-1)
    assert_close(perceptual_distance(a, b), expected)
    with tf.GradientTape() as tape:
        tape.watch(a)
        same = perceptual_distance(a, a)
    assert same.numpy().tolist() == [0, 0]
    assert all(np.isfinite(g).all() for g in tape.gradient(same, a))


def test_stages_of_two_branches_are_those_of_the_base(tiny_branched):
    shapes = [m.shape[1:] for m in stage_outputs(tiny_branched).outputs]
    assert shapes == [(8, 8, 4), (4, 4, 8)]


@pytest.mark.parametrize("activation", ["relu", keras.activations.gelu])
def test_convolutions_that_end_in_an_activation_are_stages(
    activation, make_step
):
    image = keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(4, 3, padding="same", activation=activation)
    x = keras.layers.Conv2D(6, 3, strides=2, activation=activation)(conv(image))
    x = keras.layers.Conv2D(5, 1)(x)
    net = keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(x)))
    shapes = [m.shape[1:] for m in stage_outputs(net).outputs]
    assert shapes == [(8, 8, 4), (3, 3, 6)]
    step = make_step(net, SHORT)
    assert np.isfinite(SHORT.craft(step)[0].x_adv).all()


def test_a_net_of_one_resolution_has_one_stage(make_step):
    layers = keras.layers
    stack = [layers.Conv2D(2, 3), layers.ReLU(), layers.Flatten()]
    net = keras.Sequential([keras.Input((8, 8, 3)), *stack, layers.Dense(4)])
    step = make_step(net, OAAT())
    (features,) = step.adversary.features(step.x)
    np.testing.assert_array_equal(features, stack[1](stack[0](step.x)))


def test_perturbation_sees_twice_the_change(tiny_model, make_step):
    step = make_step(tiny_model, SHORT)
    (view,) = SHORT.craft(step)
    twice = np.clip(2 * view.x_adv - view.x, 0, 1)
    np.testing.assert_allclose(view.x_stretched, twice, atol=1e-6)
    (late,) = SHORT.craft(replace(step, progress=LATE))
    np.testing.assert_allclose(late.x_stretched, late.x_far, atol=1e-6)


def test_one_trace_serves_the_whole_run(make_tiny, batch):
    model = AdversarialModel(make_tiny(), SHORT, augment=Unchanged())
    model.compile(optimizer=SGD(0.05))
    model.total_steps.assign(8)
    traces = []

    def train(x, y):
        traces.append(1)
        return model.train_step((x, y))

    run = tf.function(train, autograph=False)
    losses = [float(run(*batch)["loss"]) for _ in range(8)]
    assert np.isfinite(losses).all()
    assert traces == [1]
    assert int(model.adversary.stage) == 4


def test_unfit_classifiers_and_settings_are_explained(linear_model):
    with pytest.raises(ValueError, match="does not show any"):
        AdversarialModel(linear_model, SHORT)
    with pytest.raises(ValueError, match="Received: stages=0"):
        OAAT(stages=0)


def test_the_average_takes_integers_as_they_are():
    x = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    scaling = keras.layers.Normalization()
    scaling.adapt(x)
    net = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            scaling,
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )
    model = AdversarialModel(net, SHORT, augment=Unchanged())
    model.compile(optimizer=SGD(0.05))
    model.total_steps.assign(8)
    model.train_on_batch(x, np.arange(8) % 4)
    assert int(model.step) == 1
