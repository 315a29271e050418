"""Interval and CROWN-IBP bounds against closed forms, samples and logits."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from bounded_nets import BOUNDS, NETS, bounds_of, images, margins_at, net
from keras import layers

from dat_keras.certification.computation import computation_of

X, Y = images()


@pytest.fixture(scope="module")
def nets():
    return {name: net(name) for name in NETS}


@pytest.fixture(scope="module")
def compute(nets):
    """Margins of a net under a bound, each net traced once."""
    traced = {name: bounds_of(model) for name, model in nets.items()}

    @functools.cache
    def all_bounds(name, eps):
        return traced[name](eps, X, Y)

    return lambda name, bound, eps: all_bounds(name, eps)[bound]


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("name", NETS)
def test_no_radius_gives_the_logits(name, bound, nets, compute):
    expected = margins_at(nets[name](X).numpy(), Y)
    np.testing.assert_allclose(
        compute(name, bound, 0.0), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("name", NETS)
def test_images_of_the_box_lie_above_the_bound(name, bound, nets, compute):
    eps, draw = 0.02, np.random.default_rng(8)
    low, high = np.maximum(X - eps, 0), np.minimum(X + eps, 1)
    lower = compute(name, bound, eps)
    for share in (
        *draw.random((4, *X.shape)),
        *draw.integers(0, 2, (12, *X.shape)),
    ):
        inside = (low + share * (high - low)).astype("f")
        found = margins_at(nets[name](inside).numpy(), Y)
        assert (lower <= found + 1e-5).all()


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("name", [n for n in NETS if n != "linear"])
def test_a_larger_radius_has_a_lower_bound(name, bound, compute):
    bounds = [compute(name, bound, eps) for eps in (0.0, 0.01, 0.02, 0.05)]
    for narrow, wide in zip(bounds, bounds[1:], strict=False):
        if bound == "ibp":
            assert (wide <= narrow + 1e-12).all()
        # The slopes of CROWN are chosen, not best, neuron by neuron.
        assert (wide <= bounds[0] + 1e-12).all()


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_linear_net_is_bounded_exactly(bound, nets, compute):
    """The worst corner of the box is known: that of the sign of a."""
    eps = 8 / 255
    kernel, bias = nets["linear"].layers[-1].get_weights()
    flat = X.reshape(len(X), -1).astype("d")
    low, high = np.maximum(flat - eps, 0), np.minimum(flat + eps, 1)
    for i, y in enumerate(Y):
        a = (kernel[:, [y]] - kernel).astype("d")
        worst = np.where(a > 0, low[i][:, None], high[i][:, None])
        expected = (a * worst).sum(0) + (bias[y] - bias)
        np.testing.assert_allclose(
            compute("linear", bound, eps)[i], expected, atol=1e-9
        )


def test_crown_is_exact_through_several_linear_layers():
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            layers.Conv2D(3, 2, padding="same"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    x = np.random.default_rng(0).random((2, 4, 4, 2), np.float32)
    y, eps = np.array([0, 2]), 0.1
    each = tf.eye(32, dtype=tf.float32).numpy().reshape(32, 4, 4, 2)
    offset = model(np.zeros((1, 4, 4, 2))).numpy()
    matrix = model(each).numpy() - offset
    low, high = np.maximum(x - eps, 0), np.minimum(x + eps, 1)
    a = np.stack([matrix[:, [c]] - matrix for c in y])
    corner = np.where(a > 0, low.reshape(2, 32, 1), high.reshape(2, 32, 1))
    expected = (a * corner).sum(1) + margins_at(offset.repeat(2, 0), y)
    found = bounds_of(model)(eps, x, y)
    np.testing.assert_allclose(found["crown"], expected, atol=1e-5)
    assert (found["ibp"] <= found["crown"] + 1e-9).all()


@pytest.mark.parametrize("name", NETS)
def test_crown_ibp_is_never_below_intervals(name, compute):
    ibp, both = (compute(name, b, 0.03) for b in ("ibp", "crown-ibp"))
    assert (both >= ibp).all()


def test_the_backward_pass_is_tighter_where_every_slope_is_zero():
    """With |l| > u the lower line is 0, as the interval's: never worse."""
    model = net("one hidden layer")
    hidden = model.layers[1]
    kernel, _ = hidden.get_weights()
    eps = 0.03
    spread = eps * np.abs(kernel).sum(0)
    x = np.repeat(X[:1], 4, axis=0) * 0.5 + 0.25
    at_x = x[0].reshape(-1) @ kernel
    # Centres a little below zero: unstable, and closer to it from above.
    hidden.set_weights([kernel, -at_x - 0.2 * spread])
    y = np.arange(4)
    found = bounds_of(model)(eps, x, y)
    others = ~np.eye(4, dtype=bool)
    assert (found["crown"][others] > found["ibp"][others] + 1e-6).all()


def test_a_hidden_neuron_by_hand():
    """z = (max(x, 0), 0) for x in [-0.5, 1] of a rescaled pixel."""
    model = keras.Sequential(
        [
            keras.Input((1, 1, 1)),
            layers.Rescaling(1.5, -0.5),
            layers.Flatten(),
            layers.Dense(1, activation="relu"),
            layers.Dense(2),
        ]
    )
    model.layers[-2].set_weights([np.ones((1, 1)), np.zeros(1)])
    model.layers[-1].set_weights([np.array([[1.0, 0.0]]), np.zeros(2)])
    x, y = np.full((2, 1, 1, 1), 0.5, "f"), np.array([0, 1])
    bounds = bounds_of(model)(0.5, x, y)
    # Intervals: max(x, 0) lies in [0, 1]. CROWN: x >= -0.5 below, as u > -l;
    # the upper line meets 1 at x = 1.
    np.testing.assert_allclose(bounds["ibp"], [[0, 0], [-1, 0]], atol=1e-12)
    np.testing.assert_allclose(bounds["crown"], [[0, -0.5], [-1, 0]])
    np.testing.assert_allclose(bounds["crown-ibp"], bounds["ibp"], atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (layers.LeakyReLU(name="odd"), "LeakyReLU"),
        (layers.ReLU(max_value=6, name="odd"), "max_value=6"),
        (layers.Conv2D(3, 3, activation="tanh", name="odd"), "tanh"),
        (layers.Conv2D(3, 3, groups=3, name="odd"), "groups=3"),
        (layers.BatchNormalization(axis=1, name="odd"), "another axis"),
        (layers.Activation("gelu", name="odd"), "gelu"),
        (layers.DepthwiseConv2D(3, name="odd"), "DepthwiseConv2D"),
    ],
)
def test_other_layers_are_refused_by_name(layer, said):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layer, layers.Flatten(), layers.Dense(2)]
    )
    with pytest.raises(ValueError, match="'odd' has no certified") as error:
        computation_of(model, tf.float32)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_model_with_a_call_of_its_own_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    image = keras.Input((4, 4, 1))
    model = keras.Model(image, layers.Flatten()(Own(name="own")(image)))
    with pytest.raises(ValueError, match="'own' .* Own with its own call"):
        computation_of(model, tf.float32)
