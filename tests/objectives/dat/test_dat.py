"""DAT: worked numbers, NumPy, reductions, and every switch."""

import math
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_nets import IDENTITY, Each

from dat_keras.attacks import (
    PGD,
    CrossEntropyPlusKL,
    KLFromClean,
    NormalStart,
)
from dat_keras.augment import CropFlip, Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.gradients import input_gradient
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, TRADES, Natural
from dat_keras.objectives.dat.adv_gradient import ADV_GRADIENTS
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.dat.generator import (
    AmplitudeAdversary,
    BorrowedAmplitude,
)
from dat_keras.objectives.dat.generator_input import CONDITIONS
from dat_keras.objectives.step import View
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
SHORT = PGD(Linf(EPS), steps=2, start=NormalStart())
EVEN, SURE = tf.constant([[0.0, 0.0]]), tf.constant([[math.log(3), 0.0]])


def total(terms):
    return float(tf.add_n(list(terms.values())))


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@dataclass(frozen=True)
class FixedRatio(AmplitudeMixup):
    """Mixes with the same ratio everywhere."""

    share: float = 0.5

    def ratio(self, batch, key):
        return tf.fill((batch, 1, 1, 1), self.share)


@pytest.mark.parametrize(
    ("smoothing", "expected"), [(0.0, 2.617957), (0.5, 2.755283)]
)
def test_worked_example(smoothing, expected):
    views = (View(EVEN, SURE), View(SURE, EVEN, 1))
    terms = DAT(label_smoothing=smoothing).loss(
        IDENTITY, views, tf.constant([0])
    )
    assert total(terms) == pytest.approx(expected, abs=2e-6)
    assert float(terms["consistency"]) == pytest.approx(0.067644, abs=2e-6)
    robust = 15 * (0.143841 + 0.130812) / 2
    assert float(terms["robust"]) == pytest.approx(robust, abs=2e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_loss_is_numpys(smoothing, assert_close):
    rng = np.random.default_rng(0)
    z, z_adv, h, h_adv = rng.normal(size=(4, 5, 3))
    labels = np.array([0, 2, 1, 1, 0])
    p, p_adv, q, q_adv = map(log_softmax, (z, z_adv, h, h_adv))
    target = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3

    def kl(a, b):
        return (np.exp(a) * (a - b)).sum(-1)

    middle = np.log((np.exp(p) + np.exp(q)) / 2)
    expected = {
        "natural": -(target * (p + q) / 2).sum(-1).mean(),
        "robust": 4.0 * (kl(p, p_adv) + kl(q, q_adv)).mean() / 2,
        "consistency": 3.0 * (kl(p, middle) + kl(q, middle)).mean() / 2,
    }
    z, z_adv, h, h_adv = (
        tf.constant(a, tf.float32) for a in (z, z_adv, h, h_adv)
    )
    terms = DAT(beta=4.0, omega=3.0, label_smoothing=smoothing).loss(
        IDENTITY, (View(z, z_adv), View(h, h_adv, 1)), tf.constant(labels)
    )
    assert list(terms) == list(expected)
    for name, value in expected.items():
        assert_close(terms[name], value)


def test_each_view_is_read_on_its_branch():
    seen = []

    def record(x, branch):
        seen.append((float(x[0, 0]), branch))
        return x

    predict = Each(record)
    one = tf.ones((1, 2))
    views = (View(one, 2 * one), View(3 * one, 4 * one, 1))
    objective = DAT()
    objective.loss(predict, views, tf.constant([0]))
    assert sorted(seen) == [(1, 0), (2, 0), (3, 1), (4, 1)]
    seen.clear()
    objective.ascent_loss(predict, views, tf.constant([0]))
    assert sorted(seen) == [(1, 0), (3, 1), (4, 1)]
    seen.clear()
    published = {"update": "sequential", "generator_updates_statistics": True}
    replace(objective, **published).ascent_loss(
        predict, views, tf.constant([0])
    )
    assert len(seen) == 4


def test_ascent_leaves_a_constant_out(assert_close):
    rng = np.random.default_rng(0)
    z, z_adv, h, h_adv = (
        tf.constant(a, tf.float32) for a in rng.normal(size=(4, 5, 3))
    )
    views, y = (View(z, z_adv), View(h, h_adv, 1)), tf.constant([0, 2, 1, 1, 0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([h, h_adv])
        full = tf.add_n(list(DAT().loss(IDENTITY, views, y).values()))
        short = tf.add_n(list(DAT().ascent_loss(IDENTITY, views, y).values()))
    gradients = zip(
        tape.gradient(full, [h, h_adv]),
        tape.gradient(short, [h, h_adv]),
        strict=True,
    )
    for a, b in gradients:
        assert_close(a, b)
    p, p_adv = log_softmax(z.numpy()), log_softmax(z_adv.numpy())
    constant = 15 / 2 * (np.exp(p) * (p - p_adv)).sum(-1).mean()
    assert_close(full - short, constant, rtol=1e-4)


@pytest.fixture
def collapsed():
    """Both views are the same image on the same branch."""
    return DAT(
        PGD(Linf(EPS), steps=3, start=NormalStart()),
        omega=0.0,
        mix=AmplitudeMixup(mu=0.0),
        augment=Unchanged(),
        split_bn=False,
    )


def test_equal_views_give_the_baseline(collapsed, tiny_model, make_step):
    baseline = TRADES(
        replace(collapsed.attack, loss=CrossEntropyPlusKL(15.0, 0.5)),
        beta=15.0,
        label_smoothing=0.5,
    )
    step = make_step(tiny_model, collapsed)
    views = collapsed.craft(step)
    assert [view.branch for view in views] == [0, 0]
    ours = total(collapsed.loss(step.predict, views, step.y))
    expected = baseline.loss(step.predict, baseline.craft(step), step.y)
    assert ours == pytest.approx(total(expected), rel=1e-4)


def test_without_smoothing_and_with_its_attack_it_is_trades(
    collapsed, tiny_model, make_step
):
    kl_attack = replace(collapsed.attack, loss=KLFromClean())

    class KLOnly(DAT):
        ae_attack = kl_attack

    ours = KLOnly(**{**vars(collapsed), "label_smoothing": 0.0, "beta": 6.0})
    theirs = TRADES(kl_attack)
    step = make_step(tiny_model, ours)
    value = total(ours.loss(step.predict, ours.craft(step), step.y))
    expected = theirs.loss(step.predict, theirs.craft(step), step.y)
    assert value == pytest.approx(total(expected), rel=1e-4)


def test_without_attack_and_divergences_it_is_natural_on_two_views(
    tiny_branched, make_step
):
    objective = DAT(replace(SHORT, steps=tf.constant(0)), beta=0.0, omega=0.0)
    step = make_step(tiny_branched, objective)
    views = objective.craft(step)
    ours = objective.loss(step.predict, views, step.y)
    natural = Natural(label_smoothing=0.5)
    each = [
        float(natural.loss(step.predict, (view,), step.y)["natural"])
        for view in views
    ]
    assert total(ours) == pytest.approx(sum(each) / 2, rel=1e-6)
    assert each[0] != pytest.approx(each[1], rel=1e-3)


@pytest.mark.parametrize(
    ("own", "smoothing"), [(None, 0.3), (0.0, 0.0), (0.7, 0.7)]
)
def test_attack_takes_its_loss_from_the_settings(own, smoothing):
    objective = DAT(
        SHORT, beta=4.0, label_smoothing=0.3, attack_label_smoothing=own
    )
    assert objective.ae_attack == replace(
        SHORT, loss=CrossEntropyPlusKL(4.0, smoothing)
    )


def test_defaults_are_the_papers():
    objective = DAT()
    assert objective.attack.steps == 5
    assert objective.attack.step_size == 2 / 255
    assert objective.attack.threat_model == Linf(8 / 255)
    assert objective.attack.start == NormalStart(0.001, clip=True)
    assert (objective.beta, objective.omega) == (15, 2)
    assert objective.label_smoothing == 0.5
    assert objective.augment == CropFlip(pad=3)
    assert objective.generator_learning_rate == 0.1
    optimizer = objective.build_adversary(
        ClassifierSpec((8, 8, 3), 4, None)
    ).optimizer
    assert optimizer.momentum == 0.9
    assert optimizer.coupled_weight_decay == 5e-4


def test_second_attack_is_centred_on_the_recombined_image_of_branch_one(
    tiny_branched, make_step
):
    objective = DAT(replace(SHORT, steps=1, step_size=EPS))
    step = make_step(tiny_branched, objective)
    _, view = objective.craft(step)
    attack = objective.ae_attack
    start = attack.start(
        attack.threat_model,
        view.x,
        step.key.fold_in("attack").fold_in(1),
    )
    logits = tiny_branched(view.x, training=False, branch=1)

    def loss(z):
        clean = tf.nn.softmax(logits)
        log_q = tf.nn.log_softmax(z)
        target = 0.5 * tf.one_hot(step.y, 4) + 0.5 / 4
        divergence = tf.reduce_sum(clean * (tf.math.log(clean) - log_q), -1)
        return 15 * divergence - tf.reduce_sum(target * log_q, -1)

    def predict(x):
        return tiny_branched(x, training=False, branch=1)

    _, _, gradient = input_gradient(predict, loss, start)
    moved = start + EPS * tf.sign(gradient)
    moved = tf.clip_by_value(moved, view.x - EPS, view.x + EPS)
    moved = tf.clip_by_value(moved, 0.0, 1.0)
    agree = np.isclose(view.x_adv, moved, atol=1e-6)
    # The sign of a gradient near zero is decided by rounding.
    assert agree.mean() > 0.995


def mixed_by_numpy(x, amplitude, ratio):
    planes = np.asarray(x, np.float64).transpose(0, 3, 1, 2)
    spectrum = np.fft.fft2(planes)
    mixed = ratio * amplitude + (1 - ratio) * np.abs(spectrum)
    turned = mixed * np.exp(1j * np.angle(spectrum))
    image = np.real(np.fft.ifft2(turned)).transpose(0, 2, 3, 1)
    return np.clip(image, 0, 1)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_recombined_view_is_made_of_the_unaugmented_image(
    share, tiny_branched, make_step, assert_close
):
    objective = DAT(SHORT, mix=FixedRatio(share=share), augment=Unchanged())
    raw = tf.random.stateless_uniform((8, 8, 8, 3), (1, 2))
    step = make_step(tiny_branched, objective, x_raw=raw)
    base, view = objective.craft(step)
    np.testing.assert_array_equal(base.x, step.x)
    noise = step.key.fold_in("mix").fold_in("noise").normal((8, 100))
    logits = tiny_branched(raw, training=False)
    amplitude = step.adversary.generator((noise, logits), training=True)
    expected = mixed_by_numpy(raw, amplitude.numpy(), share)
    assert_close(view.x, expected, atol=2e-6)


def test_recombined_image_is_augmented_by_its_own_draw(
    tiny_branched, make_step
):
    objective = DAT(SHORT)
    step = make_step(tiny_branched, objective)
    plain = replace(objective, augment=Unchanged())
    _, view = objective.craft(step)
    _, unchanged = plain.craft(step)
    expected, _ = CropFlip(pad=3)(
        unchanged.x, step.y, step.key.fold_in("recombined augment")
    )
    np.testing.assert_array_equal(view.x, expected)
    assert not np.array_equal(view.x, unchanged.x)


def test_shared_batch_norm(tiny_model, make_step):
    objective = DAT(SHORT, split_bn=False)
    assert objective.branches == 1
    step = make_step(tiny_model, objective)
    assert [view.branch for view in objective.craft(step)] == [0, 0]


def test_without_mixup_the_amplitude_is_the_generators(
    tiny_branched, make_step, assert_close
):
    objective = DAT(SHORT, mix=AmplitudeMixup(mixup=False), augment=Unchanged())
    full = replace(objective, mix=FixedRatio(share=1.0))
    step = make_step(tiny_branched, objective)
    a, b = (method.craft(step)[1].x for method in (objective, full))
    assert_close(a, b)


def test_without_the_generator_the_amplitude_is_another_images(
    tiny_branched, make_step, assert_close
):
    objective = DAT(
        SHORT,
        learned_amplitude=False,
        mix=FixedRatio(share=0.4),
        augment=Unchanged(),
    )
    step = make_step(tiny_branched, objective)
    assert isinstance(step.adversary, BorrowedAmplitude)
    assert step.adversary.variables == []
    _, view = objective.craft(step)
    x = step.x_raw.numpy()
    own = np.abs(np.fft.fft2(x.transpose(0, 3, 1, 2).astype(np.float64)))
    errors = [
        np.abs(view.x - mixed_by_numpy(x, np.roll(own, shift, 0), 0.4)).max()
        for shift in range(8)
    ]
    # One of the seven other images, never the own one.
    assert min(errors[1:]) < 2e-6 < errors[0]


def test_single_ae_recombines_the_adversarial_image(
    tiny_branched, make_step, assert_close
):
    objective = DAT(SHORT, single_ae=True, mix=FixedRatio(share=0.3))
    step = make_step(tiny_branched, objective)
    base, view = objective.craft(step)
    assert view.branch == 1
    noise = step.key.fold_in("mix").fold_in("noise").normal((8, 100))
    pairs = ((base.x, view.x), (base.x_adv, view.x_adv))
    for source, result in pairs:
        logits = tiny_branched(source, training=False)
        amplitude = step.adversary.generator((noise, logits), training=True)
        expected = mixed_by_numpy(source, amplitude.numpy(), 0.3)
        assert_close(result, expected, atol=2e-6)
    assert not np.array_equal(view.x, view.x_adv)


def generator_gradient(objective, model, step):
    """Gradient of the full loss in the generator, theta as it is."""
    views = objective.craft(step)
    predict = Predictor(model, training=True, scope=keras.StatelessScope)
    weights = [v.value for v in step.adversary.generator.trainable_variables]
    with tf.GradientTape() as tape:
        terms = objective.loss(predict, objective.attach(step, views), step.y)
        loss = tf.add_n(list(terms.values()))
    return tape.gradient(loss, weights)


@pytest.mark.parametrize("single_ae", [False, True])
@pytest.mark.parametrize(("share", "zero"), [(0.0, True), (0.5, False)])
def test_generator_has_a_gradient_where_it_is_mixed_in(
    share, zero, single_ae, tiny_branched, make_step
):
    objective = DAT(SHORT, mix=FixedRatio(share=share), single_ae=single_ae)
    step = make_step(tiny_branched, objective)
    gradients = generator_gradient(objective, tiny_branched, step)
    norm = float(tf.linalg.global_norm(gradients))
    assert (norm == 0.0) == zero


@pytest.mark.parametrize("name", CONDITIONS)
def test_generator_learns_from_each_of_its_inputs(
    name, tiny_branched, make_step
):
    objective = DAT(SHORT, mix=FixedRatio(share=0.5), generator_input=name)
    step = make_step(tiny_branched, objective)
    kernel, *others = generator_gradient(objective, tiny_branched, step)
    assert len(kernel) == 100 + {"logits": 4, "labels": 4, "noise": 0}[name]
    # Every row is reached: all of the noise, and all of the condition.
    assert np.abs(kernel).max(axis=1).min() > 0.0
    assert all(np.abs(gradient).max() > 0.0 for gradient in others[1:])


@pytest.mark.parametrize("name", CONDITIONS)
def test_recombined_view_is_made_of_the_named_input(
    name, tiny_branched, make_step, assert_close
):
    objective = DAT(
        SHORT,
        mix=FixedRatio(share=0.3),
        augment=Unchanged(),
        generator_input=name,
    )
    step = make_step(tiny_branched, objective)
    noise = step.key.fold_in("mix").fold_in("noise").normal((8, 100))
    inputs = {
        "logits": tiny_branched(step.x_raw, training=False),
        "labels": np.eye(4, dtype=np.float32)[step.y],
        "noise": np.zeros((8, 0), np.float32),
    }
    amplitude = step.adversary.generator((noise, inputs[name]), training=True)
    expected = mixed_by_numpy(step.x_raw, amplitude.numpy(), 0.3)
    _, view = objective.craft(step)
    assert_close(view.x, expected, atol=2e-6)


def test_generator_gradient_is_that_of_finite_differences(
    tiny_branched, make_step
):
    objective = DAT(
        SHORT,
        mix=FixedRatio(share=0.5),
        amplitude_scale="match_mean",
        generator_adv_grad="none",
    )
    step = make_step(tiny_branched, objective)
    views = objective.craft(step)
    gradients = generator_gradient(objective, tiny_branched, step)
    predict = Predictor(
        tiny_branched, training=True, scope=keras.StatelessScope
    )
    weights = step.adversary.generator.trainable_variables
    length = 0.02 / float(tf.linalg.global_norm(gradients))
    values = {}
    for side in (-1.0, 1.0):
        for w, g in zip(weights, gradients, strict=True):
            w.assign_add(side * length * g)
        attached = objective.attach(step, views)
        values[side] = total(objective.loss(predict, attached, step.y))
        for w, g in zip(weights, gradients, strict=True):
            w.assign_sub(side * length * g)
    slope = (values[1.0] - values[-1.0]) / 0.04
    expected = float(tf.linalg.global_norm(gradients))
    assert slope == pytest.approx(expected, rel=0.05)


def test_projection_gradient_is_that_of_the_last_step(tiny_branched, make_step):
    attack = PGD(Linf(EPS), steps=5, start=NormalStart())
    objective = DAT(attack, mix=FixedRatio(share=0.3), augment=Unchanged())
    step = make_step(tiny_branched, objective)
    _, view = objective.craft(step)
    shorter = replace(objective, attack=replace(attack, steps=4))
    before = shorter.craft(step)[1].x_adv

    def predict(x, branch=1):
        return tiny_branched(x, training=False, branch=branch)

    loss = objective.ae_attack.loss.bind(predict, view.x, step.y)
    _, _, gradient = input_gradient(predict, loss, before)
    moved = before + 2 / 255 * tf.sign(gradient)
    with tf.GradientTape() as tape:
        tape.watch(view.x)
        x_adv = tf.minimum(tf.maximum(moved, view.x - EPS), view.x + EPS)
        x_adv = tf.clip_by_value(x_adv, 0.0, 1.0)
        added = tf.reduce_sum(x_adv)
    expected = tape.gradient(added, view.x).numpy()
    np.testing.assert_allclose(x_adv, view.x_adv, atol=1e-6)
    mask = ADV_GRADIENTS["projection"](view.x_adv, view.x, EPS).numpy()
    assert 0.05 < expected.mean() < 0.95
    # Ties and signs decided by rounding aside.
    assert (mask == expected).mean() > 0.998


@pytest.mark.parametrize(
    ("name", "inside", "edge", "clipped"),
    [
        ("projection", False, True, False),
        ("none", False, False, False),
        ("full", True, True, False),
    ],
)
def test_gradient_switch(name, inside, edge, clipped):
    x = tf.constant([0.5, 0.5, 0.5, 0.01, 0.99])
    moves = tf.constant([0.01, EPS, -EPS, -0.01, 0.01])
    mask = ADV_GRADIENTS[name](x + moves, x, EPS).numpy().tolist()
    assert mask == [inside, edge, edge, clipped, clipped]


@pytest.mark.parametrize("name", ADV_GRADIENTS)
def test_attacked_image_follows_the_recombined_one_on_the_mask(
    name, tiny_branched, make_step, assert_close
):
    objective = DAT(
        replace(SHORT, steps=5),
        mix=FixedRatio(share=0.5),
        generator_adv_grad=name,
    )
    step = make_step(tiny_branched, objective)
    views = objective.craft(step)
    mask = ADV_GRADIENTS[name](views[1].x_adv, views[1].x, EPS)
    weights = [v.value for v in step.adversary.generator.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        _, view = objective.attach(step, views)
        added = tf.reduce_sum(view.x_adv)
        masked = tf.reduce_sum(view.x * tf.cast(mask, tf.float32))
    actual, expected = (
        tape.gradient(t, weights, unconnected_gradients="zero")
        for t in (added, masked)
    )
    for a, b in zip(actual, expected, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize(
    ("setting", "value", "near"),
    [
        ("update", "sequentail", "sequential"),
        ("amplitude_scale", "referense", "reference"),
        ("generator_adv_grad", "projecton", "projection"),
        ("generator_input", "lables", "labels"),
    ],
)
def test_unknown_names_get_the_nearest(setting, value, near):
    with pytest.raises(ValueError, match=f"Did you mean '{near}'"):
        DAT(**{setting: value})


def test_statistics_cannot_move_in_passes_that_are_not_made():
    with pytest.raises(ValueError, match="sequential"):
        DAT(update="fused", generator_updates_statistics=True)


def test_adversary_is_built_from_the_settings():
    adversary = DAT(
        update="fused",
        generator_learning_rate=0.3,
        amplitude_scale="match_mean",
    ).build_adversary(ClassifierSpec((8, 8, 3), 4, None))
    assert isinstance(adversary, AmplitudeAdversary)
    assert float(adversary.optimizer.learning_rate) == pytest.approx(0.3)
    assert adversary.scale == "match_mean"
    assert adversary.joint_weights == adversary.generator.trainable_variables
    assert adversary.generator.stack.output_shape == (None, 3, 8, 8)


@pytest.mark.parametrize("scale", ["reference", "match_mean"])
def test_the_spread_of_the_amplitude_is_logged_but_not_added(
    scale, tiny_branched, batch
):
    dat = DAT(SHORT, amplitude_scale=scale)
    model = AdversarialModel(tiny_branched, dat, augment=Unchanged())
    model.compile(optimizer=SGD(0.1))
    step = model._augment(model.checked(batch))
    (_, view), key = dat.craft(step), step.key.fold_in("mix").fold_in("noise")
    made = model.adversary.generated(view.clean.condition, key).numpy()
    logs = model.train_step(batch)
    assert float(logs["amplitude_spread"]) == pytest.approx(
        made.astype("d").std(), rel=1e-4
    )
    added = sum(float(logs[name]) for name in dat.terms)
    assert float(logs["loss"]) == pytest.approx(added, rel=1e-5)


@pytest.mark.parametrize("single_ae", [False, True])
def test_the_spread_costs_no_pass_of_the_generator(
    single_ae, tiny_branched, make_step, monkeypatch
):
    dat = DAT(SHORT, single_ae=single_ae)
    step, passes = make_step(tiny_branched, dat), []
    generated = AmplitudeAdversary.generated

    def counted(*given):
        passes.append(given)
        return generated(*given)

    monkeypatch.setattr(AmplitudeAdversary, "generated", counted)
    views = dat.craft(step)
    assert len(passes) == 1 + single_ae
    dat.measure(step, views)
    assert len(passes) == 1 + single_ae


def test_a_constant_amplitude_has_no_spread(tiny_branched, batch):
    dat = DAT(SHORT)
    model = AdversarialModel(tiny_branched, dat, augment=Unchanged())
    model.compile(optimizer=SGD(0.1))
    for weight in model.adversary.generator.trainable_variables[-2:]:
        weight.assign(tf.zeros_like(weight))
    assert float(model.train_step(batch)["amplitude_spread"]) == 0.0


def test_another_images_amplitude_has_no_spread_to_log():
    assert DAT(learned_amplitude=False).measures == ()
