"""The generator against its definition, and what feeds the mix-up."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.random import BatchKey
from dat_keras.objectives.dat.generator import (
    AMPLITUDE_SCALES,
    AmplitudeAdversary,
    AmplitudeGenerator,
    BorrowedAmplitude,
)
from dat_keras.objectives.dat.generator_update import UPDATES
from dat_keras.objectives.step import Ascent
from dat_keras.optimizers import SGD


@pytest.fixture
def generator():
    keras.utils.set_random_seed(0)
    return AmplitudeGenerator((4, 6, 3), 5)


@pytest.fixture
def adversary(generator):
    return AmplitudeAdversary(
        generator, SGD(0.1), UPDATES["sequential"], "reference"
    )


@pytest.fixture
def logits():
    return tf.random.stateless_normal((7, 5), (0, 1))


@pytest.fixture
def own():
    return tf.random.stateless_uniform((7, 3, 4, 6), (0, 2)) + 0.1


@pytest.mark.parametrize(
    ("shape", "classes", "count"),
    [
        ((32, 32, 3), 10, 3_856_512),
        ((32, 32, 3), 100, 3_868_032),
        ((64, 64, 3), 200, 13_327_232),
    ],
)
def test_parameter_counts(shape, classes, count):
    weights = AmplitudeGenerator(shape, classes).trainable_variables
    assert sum(int(np.prod(w.shape)) for w in weights) == count


def by_numpy(generator, inputs):
    """Five dense layers, BatchNorm on batch statistics, sigmoid."""
    weights = iter([w.numpy() for w in generator.trainable_variables])
    x = inputs.astype(np.float64)
    for layer in range(4):
        x = x @ next(weights) + next(weights)
        if layer:
            gamma, beta = next(weights), next(weights)
            x = gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 0.8) + beta
        x = np.where(x > 0, x, 0.2 * x)
    x = x @ next(weights) + next(weights)
    return (1 / (1 + np.exp(-x))).reshape(len(x), 3, 4, 6)


def test_forward_pass_is_numpys(generator, logits, assert_close):
    for w in generator.trainable_variables:
        if w.ndim == 1:
            w.assign(w + 0.3 * keras.random.normal(w.shape, seed=1))
    noise = tf.random.stateless_normal((7, 100), (0, 3))
    amplitude = generator((noise, logits), training=True)
    expected = by_numpy(generator, np.concatenate([noise, logits], -1))
    assert_close(amplitude, expected, rtol=1e-4)
    assert 0 < amplitude.numpy().min() < amplitude.numpy().max() < 1


def test_dense_layers_start_as_published(generator):
    first, bias = generator.trainable_variables[:2]
    # Glorot normal: variance 2 / (fan_in + fan_out).
    expected = np.sqrt(2 / sum(first.shape))
    assert np.std(first) == pytest.approx(expected, rel=0.05)
    assert not np.any(bias)


def test_amplitude_changes_no_variable(
    adversary, own, logits, key, snapshot, same
):
    before = snapshot(adversary.variables)
    adversary.amplitude(own, logits, key)
    assert same(before, snapshot(adversary.variables))


def test_amplitude_is_made_of_noise_and_logits(
    adversary, own, logits, key, assert_close
):
    amplitude = adversary.amplitude(own, logits, key)
    noise = key.normal((7, 100)).numpy()
    expected = by_numpy(adversary.generator, np.concatenate([noise, logits], 1))
    assert_close(amplitude, expected, rtol=1e-4)
    other = adversary.amplitude(own, logits, BatchKey.of(0, 1))
    assert not np.array_equal(amplitude, other)


def test_matched_scale_multiplies_the_own_amplitude(own):
    generated = tf.fill(own.shape, 0.5)
    np.testing.assert_array_equal(
        AMPLITUDE_SCALES["match_mean"](generated, own), own
    )
    np.testing.assert_array_equal(
        AMPLITUDE_SCALES["reference"](generated, own), generated
    )


def test_optimizer_holds_the_generator_alone(adversary):
    moved = adversary.generator.trainable_variables
    assert len(adversary.optimizer.velocities) == len(moved)
    assert len(moved) == 2 * 5 + 2 * 3


def test_ascend_climbs_by_one_step(adversary, own, logits, key, assert_close):
    weights = adversary.generator.trainable_variables

    def terms():
        amplitude = adversary.amplitude(own, logits, key)
        return {"a": tf.reduce_mean(amplitude), "b": tf.reduce_mean(amplitude)}

    before = [w.numpy() for w in weights]
    with tf.GradientTape() as tape:
        value = tf.add_n(list(terms().values()))
    gradients = tape.gradient(value, [w.value for w in weights])
    step = SimpleNamespace(share=1.0)
    adversary.ascend(Ascent(step, (), [], terms))
    assert tf.add_n(list(terms().values())) > value
    for old, w, g in zip(before, weights, gradients, strict=True):
        assert_close(w, old + 0.1 * g.numpy())


def test_borrowed_amplitude_is_another_images(own):
    seen = set()
    for step in range(40):
        borrowed, _ = BorrowedAmplitude().drawn(own, None, BatchKey.of(0, step))
        shifts = [
            s for s in range(7) if np.array_equal(borrowed, np.roll(own, s, 0))
        ]
        seen |= set(shifts)
        assert len(shifts) == 1
    assert seen == {1, 2, 3, 4, 5, 6}


def test_a_batch_of_one_borrows_from_itself(own, key):
    borrowed, _ = BorrowedAmplitude().drawn(own[:1], None, key)
    np.testing.assert_array_equal(borrowed, own[:1])


def test_a_coarse_generator_does_not_grow_with_the_image():
    def build(side, resolution):
        shape = (side, side, 3)
        return AmplitudeGenerator(shape, 10, resolution=resolution)

    counts = [build(side, 32).count_params() for side in (32, 48, 224)]
    assert counts[0] == counts[1] == counts[2]
    assert build(32, None).count_params() == counts[0]
    coarse = build(48, 16)
    inputs = tf.zeros((2, coarse.latent)), tf.zeros((2, 10))
    amplitude = coarse(inputs, training=True)
    assert amplitude.shape == (2, 3, 48, 48)
    # The middle of the coarse spectrum is the lowest frequency.
    spectrum = coarse.stack(tf.concat(inputs, -1), training=True)
    middle = spectrum[..., 8 - 1 : 8 + 1, 8 - 1 : 8 + 1]
    assert tf.reduce_min(middle) - 1e-6 <= tf.reduce_min(amplitude[..., 0, 0])
    assert tf.reduce_max(amplitude[..., 0, 0]) <= tf.reduce_max(middle) + 1e-6
