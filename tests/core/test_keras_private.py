"""What this package expects of Keras' private API."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.classifiers.predictor import Predictor
from dat_keras.core import keras_private as private
from dat_keras.kernels.functional_graph import Graph


@pytest.fixture
def net():
    image = keras.Input((2, 2, 1))
    x = keras.layers.Flatten(name="flat")(image)
    return keras.Model(image, keras.layers.Dense(3, name="logits")(x))


class Subclassed(keras.Model):
    def call(self, x):
        return x


def test_functional_models_are_recognised(net):
    sequential = keras.Sequential([keras.Input((2,)), keras.layers.ReLU()])
    assert private.functional_of(net) is net
    assert isinstance(private.functional_of(sequential), private.Functional)
    assert private.functional_of(Subclassed()) is None


def test_nodes_run_from_input_to_output(net):
    nodes = list(private.nodes_of(net))
    assert [node.operation.name for node in nodes] == ["flat", "logits"]
    assert nodes[1].input_tensors[0] is nodes[0].outputs[0]
    assert nodes[1].outputs[0] is net.outputs[0]
    args, _ = nodes[1].arguments.fill_in({id(nodes[1].input_tensors[0]): 7})
    assert args == (7,)


def test_the_output_knows_its_layer_and_what_it_reads(net):
    assert private.output_operation(net).name == "logits"
    assert private.output_reader_input(net).shape == (None, 4)


def test_layers_can_be_replaced_in_a_run(net):
    def call(layer):
        if layer.name == "flat":
            return lambda x, **_: tf.zeros((1, 4))
        return private.operation_fn(layer, training=False)

    out = private.run_through_graph(net, tf.ones((1, 2, 2, 1)), call)
    np.testing.assert_array_equal(out, net.get_layer("logits").bias[None])


def test_one_switch_turns_the_kernels_off(net, monkeypatch, tiny_model, batch):
    before = Predictor(tiny_model).frozen()(batch[0]).numpy()
    monkeypatch.setenv("DAT_KERAS_PLAIN_KERNELS", "1")
    assert Graph.of(net) is None
    plain = Predictor(tiny_model).frozen()(batch[0]).numpy()
    np.testing.assert_allclose(before, plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(plain, tiny_model(batch[0], training=False))


def test_metrics_of_compile_are_updated_and_read_alone():
    model = keras.Sequential([keras.Input((2,))])
    assert not private.has_compiled_metrics(model)
    model.compile(metrics=["accuracy"])
    assert private.has_compiled_metrics(model)
    y, z = tf.constant([0, 1]), tf.constant([[1.0, 0.0], [1.0, 0.0]])
    found = private.update_compiled_metrics(model, y, z, None)
    assert {k: float(v) for k, v in found.items()} == {"accuracy": 0.5}
    private.forget_compiled_metrics(model)
    model.compile()
    assert private.update_compiled_metrics(model, y, z, None) == {}


def test_variables_are_excluded_from_weight_decay_by_value_and_name():
    kernel, bias, scale = (
        keras.Variable([1.0], name=name) for name in ("kernel", "bias", "scale")
    )
    optimizer = keras.optimizers.SGD()
    assert private.uses_weight_decay(optimizer, kernel)
    optimizer.exclude_from_weight_decay([scale], ["bias"])
    named = [private.uses_weight_decay(optimizer, v) for v in (bias, scale)]
    assert named == [False, False]
    assert private.uses_weight_decay(optimizer, kernel)


def test_callbacks_read_directions_in_a_list():
    metric = keras.metrics.Mean(name="own")
    metric._direction = "up"

    class Model(keras.Model):
        metrics = (private.with_directions([metric]),)

    callback = keras.callbacks.EarlyStopping("val_own")
    callback.set_model(Model())
    callback._set_monitor_op()
    assert callback.monitor_op(1.0, 0.0)
    metric.update_state(3.0)
    assert float(Model.metrics[0].result()["own"]) == 3.0


def test_a_forgotten_layer_leaves_no_weights():
    model = Subclassed()
    model.extra = keras.layers.Dense(2)
    model.extra.build((None, 3))
    assert len(model.weights) == 2
    private.forget_layer(model, model.extra)
    assert model.weights == []


def test_variables_of_a_block_are_shared_where_it_reads_them():
    blocks = [keras.layers.EinsumDense("ab,bc->ac", 2) for _ in range(2)]
    for block in blocks:
        block.build((None, 3))
    private.share_variables(*blocks)
    blocks[0].kernel.assign(keras.ops.ones((3, 2)))
    found = blocks[1](keras.ops.ones((1, 3)))
    assert found.numpy().tolist() == [[3.0, 3.0]]
    assert all(
        a is b for a, b in zip(*(b.weights for b in blocks), strict=True)
    )


def test_keras_builds_metrics_by_the_method_that_is_overridden(batch):
    """`MeasuredModel` skips it, for it fails on replicas of unlike sizes."""
    asked = []

    class Model(keras.Sequential):
        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            asked.append((iterator is None, data_batch is None))
            super()._maybe_symbolic_build(iterator, data_batch)

    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten()]
    model = Model([*layers, keras.layers.Dense(4)])
    model.compile(loss="sparse_categorical_crossentropy")
    model.fit(*batch, verbose=0)
    model.train_on_batch(*batch)
    assert asked[0] == (False, True) and (True, False) in asked


def test_a_second_save_makes_no_variables(tmp_path):
    """TensorFlow keeps 35 KiB for each new name until the process ends."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    model.fit(tf.ones((2, 3)), tf.ones((2, 2)), verbose=0)
    made = []

    def counted(make, **settings):
        made.append(settings)
        return make(**settings)

    file = tmp_path / "a.weights.h5"
    model.save_weights(file)
    before = file.read_bytes()
    private.reuse_skipped_attributes()
    with tf.variable_creator_scope(counted):
        model.save_weights(file)
    assert not made
    assert file.read_bytes() == before
