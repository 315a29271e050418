"""Passes side by side: the same as one after the other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from selection import first_of
from toy_nets import NETS, lived_in

from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.predictor import Predictor, logits_of_many
from dat_keras.kernels import winograd
from dat_keras.kernels.functional_graph import Graph
from dat_keras.kernels.joint_forward import run_jointly

BRANCHES = (0, 1, 0, 1)


def batches(side=32, channels=3):
    draw = np.random.default_rng(2)
    # The last batch is smaller, as none must rely on.
    return [
        tf.constant(draw.random((n, side, side, channels)), tf.float32)
        for n in (4, 4, 4, 2)
    ]


def outcome(model, run, images):
    """Logits, all gradients, and where the statistics went."""
    variables = [v.value for v in model.trainable_variables]

    @tf.function(autograph=False)
    def step(*images):
        scope = keras.StatelessScope()
        with tf.GradientTape() as tape:
            tape.watch(images)
            with scope:
                logits = run(images)
            total = tf.add_n([tf.reduce_sum(tf.sin(z)) for z in logits])
        moved = [
            scope.get_current_value(v) for v in model.non_trainable_variables
        ]
        gradients = tape.gradient(
            total, [*images, *variables], unconnected_gradients="zero"
        )
        return [*logits, *gradients, *(m for m in moved if m is not None)]

    return step(*images)


def called(model):
    """Keras' own passes, one after the other."""
    models = branch_models(model)
    return lambda images: [
        models[branch](x, training=True)
        for x, branch in zip(images, BRANCHES, strict=False)
    ]


def jointly(model):
    graphs = [Graph.of(m) for m in branch_models(model)]
    return lambda images: run_jointly(
        [graphs[branch] for branch in BRANCHES[: len(images)]], images
    )


def away_from_kinks(model):
    """The model with rectifiers whose inputs are far from zero.

    At zero the rounding of a machine decides about the gradient. Here every
    rectifier reads a BatchNorm whose offset exceeds its spread; where it is
    the only reader, every other channel is off.
    """
    for branch in branch_models(model):
        graph = Graph.of(branch)
        for layer in graph.layers():
            if isinstance(layer, layers.BatchNormalization):
                offset = 8.0 * np.abs(layer.gamma.numpy()) + 1.0
                if isinstance(graph.only_reader(layer), layers.ReLU):
                    offset[1::2] *= -1.0
                layer.beta.assign(offset)
    return model


def assert_same(found, expected):
    """Tensors agree, each on its scale.

    Gradients before BatchNorm are differences of large numbers: those that
    nearly vanish are held to a hundredth of the largest tensor's scale.
    """
    floor = 0.01 * max(float(tf.norm(b)) for b in expected)
    errors = [
        float(tf.norm(a - b)) / (float(tf.norm(b)) + floor)
        for a, b in zip(found, expected, strict=True)
    ]
    assert np.median(errors) < 1e-4
    assert max(errors) < 1e-3


@pytest.mark.parametrize("name", first_of(NETS, ("resnet8",)))
def test_passes_are_those_of_the_model(name, monkeypatch):
    keras.utils.set_random_seed(5)
    model, images = away_from_kinks(lived_in(NETS[name]())), batches()
    expected = outcome(model, called(model), images)
    assert_same(outcome(model, jointly(model), images), expected)
    # Now with every convolution reading all batches at once.
    monkeypatch.setattr(winograd, "outweighs", lambda layer, shape: True)
    assert_same(outcome(model, jointly(model), images), expected)


def test_one_batch_is_a_pass_of_its_own():
    model = away_from_kinks(lived_in(NETS["resnet8"]()))
    images = batches()[:1]
    assert_same(
        outcome(model, jointly(model), images),
        outcome(model, called(model), images),
    )


def wide(units=128):
    """Convolutions that outweigh their images, and one of stride 2."""
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(units, 3, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(units, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(name="bn2")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(units, 3, strides=2, use_bias=False)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return lived_in(keras.Model(image, layers.Dense(4)(x)))


def test_heavy_convolutions_read_all_batches_at_once(monkeypatch):
    sizes = []
    convolve = winograd.Tiles.convolve
    monkeypatch.setattr(
        winograd.Tiles,
        "convolve",
        lambda self, x, u: sizes.append(x.shape[0]) or convolve(self, x, u),
    )
    model, images = wide(), batches(8)[:3]
    graph = Graph.of(model)
    found = outcome(model, lambda x: run_jointly([graph] * len(x), x), images)
    # Forward, and once more for the gradient; not the first convolution,
    # which has three channels to read.
    assert sizes == [12, 12]
    expected = outcome(
        model, lambda images: [model(x, training=True) for x in images], images
    )
    assert_same(found, expected)


def test_other_layers_are_called():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    y = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    # One input is recomputed, the other is kept.
    x = layers.Add()([x, y])
    x = layers.ReLU(max_value=0.5)(x)
    x = layers.Concatenate()([x, layers.LeakyReLU()(y)])
    x = layers.Rescaling(2.0)(layers.ZeroPadding2D(1)(x))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    graph, images = Graph.of(lived_in(model)), batches(8)[:2]
    found = outcome(model, lambda x: run_jointly([graph] * 2, x), images)
    expected = outcome(
        model, lambda images: [model(x, training=True) for x in images], images
    )
    assert_same(found, expected)


def test_branches_that_differ_in_depth_run_apart(assert_close):
    image = keras.Input((4,))
    shared = layers.Dense(3)
    shallow = keras.Model(image, shared(image))
    deep = keras.Model(image, layers.ReLU()(shared(image)))
    x = tf.random.stateless_normal((5, 4), [1, 2])
    graphs = [Graph.of(shallow), Graph.of(deep)]
    one, two = run_jointly(graphs, [x, x])
    assert_close(one, shallow(x))
    assert_close(two, tf.nn.relu(one))


def test_statistics_move_once_a_batch_in_order():
    norm = layers.BatchNormalization(momentum=0.5)
    model = keras.Sequential([keras.Input((1, 1, 1)), norm])
    graph = Graph.of(model)
    x = [tf.fill((2, 1, 1, 1), value) for value in (8.0, 4.0)]
    run_jointly([graph, graph], x)
    assert float(norm.moving_mean[0]) == 0.5 * (0.5 * 8) + 0.5 * 4


def test_all_batches_start_together():
    model = NETS["resnet8"]()
    graph = Graph.of(model.base)
    images = [tf.TensorSpec((2, 32, 32, 3))] * 2

    def quiet(images):
        with keras.StatelessScope():
            return run_jointly([graph] * 2, [1.0 - x for x in images])

    step = tf.function(lambda *images: quiet(images), autograph=False)
    graph_of_step = step.get_concrete_function(*images).graph
    starts = [
        {source.name for source in (*op.control_inputs, op.inputs[0].op)}
        for op in graph_of_step.get_operations()
        if op.type == "Identity" and op.inputs[0].op.type == "Sub"
    ]
    assert starts == [{"sub", "sub_1"}] * 2


def test_a_predictor_runs_any_classifier_abreast(
    tiny_branched, batch, assert_close
):
    class Plain(keras.Model):
        def call(self, x, training=None):
            return tf.reduce_mean(x, axis=[1, 2])

    x, _ = batch
    for predict, branches in (
        (Predictor(tiny_branched, training=True).with_batch_statistics, [0, 1]),
        (Predictor(tiny_branched), [0, 1]),
        (Predictor(tiny_branched).frozen(), [0, 1]),
        (Predictor(Plain(), training=True), [0, 0]),
    ):
        found = logits_of_many(predict, [x, 0.5 * x], branches)
        assert_close(found[0], predict(x, branches[0]), atol=1e-5)
        assert_close(found[1], predict(0.5 * x, branches[1]), atol=1e-5)
