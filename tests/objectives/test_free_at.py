"""Free-AT: replays, the carried perturbation, one shared backward pass."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from replicas import two_replicas

from dat_keras.augment import Unchanged
from dat_keras.core.gradients import input_gradient
from dat_keras.core.threat_models import L2, Linf
from dat_keras.losses import cross_entropy
from dat_keras.objectives import FreeAT, Natural
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255


def trainer(classifier, rate=0.0, **settings):
    objective = FreeAT(batch_size=8, **settings)
    model = AdversarialModel(classifier, objective, augment=Unchanged())
    model.compile(optimizer=SGD(rate))
    return model


def batches(count, classes=2, size=8):
    """Batches of images away from the faces of the box."""
    draw = np.random.default_rng(0)
    for _ in range(count):
        x = draw.uniform(0.1, 0.9, (size, 8, 8, 3)).astype("f")
        y = draw.integers(0, classes, size).astype(np.int32)
        yield tf.constant(x), tf.constant(y)


def uphill(classifier, y):
    """Sign of the pixel gradient of a linear model of two classes."""
    kernel, _ = classifier.get_layer("logits").get_weights()
    from_first = np.sign(kernel[:, 1] - kernel[:, 0]).reshape(8, 8, 3)
    return np.stack([from_first if label == 0 else -from_first for label in y])


def test_the_perturbation_of_a_linear_model_in_closed_form(linear_model):
    """Steps of eps / 2, clipped to eps; it stays when the batch changes."""
    model = trainer(linear_model, replays=3, step_size=EPS / 2)
    replay = model.adversary
    expected = np.zeros((8, 8, 8, 3))
    for i, (x, y) in enumerate(batches(7)):
        if i % 3 == 0:
            kept = x, y
        model.train_step((x, y))
        expected += EPS / 2 * uphill(linear_model, kept[1].numpy())
        expected = np.clip(expected, -EPS, EPS)
        np.testing.assert_allclose(replay.delta, expected, atol=1e-7)
        np.testing.assert_array_equal(replay.x, kept[0])
        np.testing.assert_array_equal(replay.y, tf.one_hot(kept[1], 2))
    assert int(replay.done) == 7
    assert len(np.unique(np.round(expected / EPS, 3))) > 1


def test_with_one_replay_it_is_fgsm_that_begins_where_the_last_one_ended(
    tiny_model, make_tiny, snapshot
):
    """Against a loop by hand: the loss, and the step, of `x + delta`."""
    model, twin = trainer(tiny_model, rate=0.1, replays=1), make_tiny()
    delta = tf.zeros((8, 8, 8, 3))
    for x, y in batches(3, classes=4):
        twin.set_weights(tiny_model.get_weights())
        _, losses, gradient = input_gradient(
            lambda images: twin(images, training=True),
            lambda logits, y=y: cross_entropy(logits, y),
            tf.clip_by_value(x + delta, 0.0, 1.0),
        )
        before = snapshot(tiny_model.trainable_variables)
        loss = model.train_step((x, y))["loss"]
        model.train_metrics["loss"].reset_state()
        mean = float(tf.reduce_mean(losses))
        assert float(loss) == pytest.approx(mean, rel=1e-5)
        assert not np.array_equal(before[0], tiny_model.trainable_variables[0])
        delta = tf.clip_by_value(delta + EPS * tf.sign(gradient), -EPS, EPS)
        # A gradient of about zero has an arbitrary sign.
        clear = tf.abs(gradient) > 1e-4 * tf.reduce_max(tf.abs(gradient))
        difference = tf.abs(model.adversary.delta - delta)
        assert float(tf.reduce_max(difference[clear])) < 1e-7
        assert float(tf.reduce_mean(tf.cast(clear, tf.float32))) > 0.9
        delta = tf.identity(model.adversary.delta)


def test_without_a_radius_it_is_natural_training_on_replays(
    make_tiny, snapshot, same
):
    ours = trainer(make_tiny(), 0.1, threat_model=Linf(0.0), replays=2)
    theirs = AdversarialModel(make_tiny(), Natural(), augment=Unchanged())
    theirs.compile(optimizer=SGD(0.1))
    given = list(batches(4, classes=4))
    for i, batch in enumerate(given):
        ours.train_step(batch)
        theirs.train_step(given[i - i % 2])
    for a, b in zip(
        snapshot(ours.classifier.variables),
        snapshot(theirs.classifier.variables),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_images_stay_in_the_box(linear_model):
    model = trainer(linear_model, replays=1)
    x, y = next(batches(1))
    extreme = tf.cast(x > 0.5, tf.float32)
    for _ in range(3):
        model.train_step((extreme, y))
    adversarial = model.adversary.perturbed(extreme).numpy()
    assert 0.0 <= adversarial.min() and adversarial.max() <= 1.0


def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(
    make_tiny, tmp_path, snapshot, same
):
    """Cut in the middle of a replay: batch, perturbation and count survive."""
    given = list(batches(5, classes=4))
    whole, first, second = (
        trainer(make_tiny(), 0.1, replays=3) for _ in range(3)
    )
    for batch in given:
        whole.train_step(batch)
    for batch in given[:2]:
        first.train_step(batch)
    first.save_weights(tmp_path / "state.weights.h5")
    second.load_weights(tmp_path / "state.weights.h5")
    for batch in given[2:]:
        second.train_step(batch)
    assert same(snapshot(whole.variables), snapshot(second.variables))
    assert not same(snapshot(whole.variables), snapshot(first.variables))


def test_its_single_step_is_watched_for_overfitting():
    step = FreeAT(step_size=0.01).single_step
    assert (step.steps, step.step_size) == (1, 0.01)
    assert step.threat_model == Linf(EPS)


def test_statistics_are_measured_on_the_images_given(tiny_model, make_step):
    """Not on the batch that is kept."""
    objective = FreeAT(batch_size=8)
    step = make_step(tiny_model, objective)
    step.adversary.done.assign(1)
    (view,) = objective.without_attack().craft(step)
    np.testing.assert_array_equal(view.x, step.x)


def test_what_it_cannot_do_is_refused(tiny_model):
    with pytest.raises(ValueError, match="say how many there are"):
        AdversarialModel(tiny_model, FreeAT())
    with pytest.raises(ValueError, match="an instance of `Linf`. Received"):
        FreeAT(L2(0.5))
    model = trainer(tiny_model)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="needs full batches"
    ):
        model.train_step(next(batches(1, size=6)))


def test_several_replicas_are_refused(make_tiny):
    strategy = two_replicas()
    with strategy.scope():
        model = trainer(make_tiny())
    data = tf.data.Dataset.from_tensors(next(batches(1)))
    with pytest.raises(ValueError, match="train it on one replica"):
        model.fit(data.repeat(2).unbatch().batch(16), verbose=0)


def test_a_run_fills_the_size_of_its_batches_in():
    filled = FreeAT(replays=4).prepared(32, load=None)
    assert filled == replace(FreeAT(replays=4), batch_size=32)
    assert filled.prepared(32, load=None) == filled
    with pytest.raises(ValueError, match="of the run, 64: leave it out"):
        filled.prepared(64, load=None)
