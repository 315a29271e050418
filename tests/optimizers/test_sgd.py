"""PyTorch's SGD against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.optimizers import SGD, SGDConfig
from dat_keras.optimizers.schedules import (
    ConstantConfig,
    Cosine,
    OneCycle,
    StepDrop,
    StepDropConfig,
)

START = np.array([1.0, -2.0, 0.5], np.float32)
GRADIENTS = np.array(
    [[0.3, -0.1, 2.0], [-0.7, 0.4, 1.0], [0.2, 0.2, -3.0]], np.float32
)
RATES = (0.1, 0.1, 0.01)
DROP = StepDrop(0.1, (2,))


def numpy_sgd(rates, momentum, weight_decay, nesterov=False):
    w, v = START.astype(np.float64), np.zeros(3)
    path = []
    for rate, gradient in zip(rates, GRADIENTS, strict=True):
        g = gradient + weight_decay * w
        v = momentum * v + g
        w = w - rate * (g + momentum * v if nesterov else v)
        path.append(w)
    return np.stack(path)


def run(optimizer, apply=None):
    w = keras.Variable(START)
    optimizer.build([w])
    apply = apply or optimizer.apply
    path = []
    for gradient in GRADIENTS:
        apply([tf.constant(gradient)], [w])
        path.append(w.numpy())
    return np.stack(path)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_trajectory_with_a_drop_is_numpys(momentum, weight_decay, nesterov):
    optimizer = SGD(DROP, momentum, weight_decay, nesterov)
    expected = numpy_sgd(RATES, momentum, weight_decay, nesterov)
    np.testing.assert_allclose(run(optimizer), expected, atol=1e-6)


@pytest.mark.parametrize("by", ["name", "value"])
def test_excluded_variables_do_not_decay(by):
    kernel, bias = (keras.Variable([2.0], name=n) for n in ("kernel", "bias"))
    optimizer = SGD(0.1, weight_decay=0.5)
    excluded = {"name": ([], ["bias"]), "value": ([bias], [])}[by]
    optimizer.exclude_from_weight_decay(*excluded)
    optimizer.apply([tf.zeros(1), tf.ones(1)], [kernel, bias])
    np.testing.assert_allclose([kernel[0], bias[0]], [1.9, 1.9], rtol=1e-6)


def test_a_restart_forgets_the_velocity():
    restarted = SGD(0.1, 0.9, 0.05, restarts=(2,))
    path = run(restarted)
    np.testing.assert_allclose(
        path[:2], numpy_sgd((0.1,) * 3, 0.9, 0.05)[:2], atol=1e-6
    )
    gradient = GRADIENTS[2] + 0.05 * path[1]
    np.testing.assert_allclose(path[2], path[1] - 0.1 * gradient, atol=1e-6)
    copy = SGD.from_config(restarted.get_config())
    np.testing.assert_array_equal(run(copy), path)


def test_a_restart_follows_completed_epochs():
    optimizer = SGDConfig(0.1, restarts=(2,)).build(3, steps_per_epoch=5)
    assert optimizer.restarts == (10,)


def test_keras_sgd_agrees_until_the_drop_only():
    ours = run(SGD(DROP, momentum=0.9))
    keras_own = run(keras.optimizers.SGD(DROP, momentum=0.9))
    np.testing.assert_allclose(keras_own[:2], ours[:2], rtol=1e-6)
    assert np.abs(keras_own[2] - ours[2]).max() > 0.1


def test_keras_weight_decay_is_decoupled():
    keras_own = run(keras.optimizers.SGD(0.1, 0.9, weight_decay=0.05))
    coupled = numpy_sgd((0.1,) * 3, 0.9, 0.05)
    # Both decay the first step alike; later only ours remembers it.
    np.testing.assert_allclose(keras_own[0], coupled[0], rtol=1e-6)
    assert np.abs(keras_own[2] - coupled[2]).max() > 1e-3


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_and_jit_give_the_eager_trajectory(jit_compile):
    optimizer = SGD(DROP, 0.9, 0.05)

    @tf.function(jit_compile=jit_compile)
    def apply(gradients):
        optimizer.apply(gradients)

    path = run(optimizer, lambda gradients, _: apply(gradients))
    np.testing.assert_allclose(path, numpy_sgd(RATES, 0.9, 0.05), atol=1e-6)


def test_trajectory_under_a_strategy():
    # One replica: a second strategy of several in one process may hang.
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        w = keras.Variable(START)
        optimizer = SGD(DROP, 0.9, 0.05)
        optimizer.build([w])

    def update(gradient):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(gradient * w.value)
        optimizer.apply([tape.gradient(loss, w.value)])

    @tf.function
    def apply(gradient):
        strategy.run(update, (gradient,))

    for gradient in GRADIENTS:
        apply(tf.constant(gradient))
    expected = numpy_sgd(RATES, 0.9, 0.05)[-1]
    np.testing.assert_allclose(w.numpy(), expected, atol=1e-6)


def test_all_variables_decay():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2, bias_initializer="ones"),
            keras.layers.BatchNormalization(beta_initializer="ones"),
        ]
    )
    variables = model.trainable_variables
    before = [v.numpy() for v in variables]
    zeros = [tf.zeros(v.shape) for v in variables]
    SGD(0.1, momentum=0.9, weight_decay=0.5).apply(zeros, variables)
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), 0.95 * old, rtol=1e-6)


def test_config_round_trip_keeps_the_trajectory():
    optimizer = SGD(DROP, 0.9, 0.05, nesterov=True)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(copy, SGD)
    assert copy.get_config() == optimizer.get_config()
    np.testing.assert_array_equal(run(copy), run(optimizer))


@pytest.mark.parametrize(
    "schedule", [DROP, Cosine(0.2, 40, 10, 20), OneCycle(0.2, 40, 0.25)]
)
def test_schedule_config_round_trip(schedule):
    config = keras.saving.serialize_keras_object(schedule)
    assert keras.saving.deserialize_keras_object(config) == schedule


def test_state_restores_the_velocity():
    optimizer = SGD(0.1, 0.9)
    w = keras.Variable(START)
    optimizer.apply([tf.constant(GRADIENTS[0])], [w])
    store = {}
    optimizer.save_own_variables(store)
    fresh = SGD(0.1, 0.9)
    fresh.build([w])
    fresh.load_own_variables(store)
    fresh.apply([tf.constant(GRADIENTS[1])], [w])
    expected = numpy_sgd((0.1,) * 3, 0.9, 0.0)[1]
    np.testing.assert_allclose(w.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(
    "arguments", [{"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": -1.0}]
)
def test_bad_arguments_are_named(arguments):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
        SGD(0.1, **arguments)


def test_config_builds_the_optimizer():
    optimizer = SGDConfig(0.1, 0.8, 0.05).build(epochs=2, steps_per_epoch=3)
    expected = numpy_sgd((0.1,) * 3, 0.8, 0.05)
    np.testing.assert_allclose(run(optimizer), expected, atol=1e-6)
    assert SGDConfig(0.1) == SGDConfig(0.1, 0.9, 5e-4, ConstantConfig())


def test_config_passes_the_schedule_on():
    config = SGDConfig(0.1, schedule=StepDropConfig(epochs=(1,)))
    optimizer = config.build(epochs=2, steps_per_epoch=2)
    assert optimizer.get_config()["learning_rate"]["config"] == {
        "initial": 0.1,
        "boundaries": (2,),
        "factor": 0.1,
    }


def test_factors_scale_the_step_and_leave_the_velocity():
    w = [keras.Variable(1.0), keras.Variable(1.0)]
    sgd = SGD(0.5, momentum=0.9, weight_decay=0.1, rate_factors=(1.0, 0.1))
    for _ in range(2):
        sgd.apply([tf.constant(1.0), tf.constant(1.0)], w)
    plain, v = [1.0, 1.0], [0.0, 0.0]
    for _ in range(2):
        for i, factor in enumerate((1.0, 0.1)):
            v[i] = 0.9 * v[i] + 1.0 + 0.1 * plain[i]
            plain[i] -= 0.5 * factor * v[i]
    np.testing.assert_allclose([float(x) for x in w], plain, rtol=1e-6)
    assert SGD.from_config(sgd.get_config()).rate_factors == (1.0, 0.1)
