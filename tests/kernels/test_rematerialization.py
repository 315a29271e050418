"""Freed activations are recomputed once, when a gradient asks for them."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.kernels.rematerialization import (
    Activation,
    GradientOrder,
    call_twice,
    rectified,
)


class Counted:
    """A cheap function that knows how often it was called."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *tensors):
        self.calls += 1
        return self.function(*tensors)


def test_a_kept_activation_is_itself():
    x = tf.constant([1.0, 2.0])
    assert Activation(x).recomputed() is x


def test_a_chain_is_remade_from_what_is_kept_once_for_all_readers():
    square, double = Counted(tf.square), Counted(lambda x: 2.0 * x)
    x = Activation(tf.constant([1.0, -3.0]))
    y = Activation.of(double, Activation.of(square, x))
    assert (square.calls, double.calls) == (1, 1)
    for _ in range(2):
        np.testing.assert_array_equal(y.recomputed(), y.value)
    assert (square.calls, double.calls) == (2, 2)


@pytest.mark.parametrize("recomputed", [True, False])
def test_gradients_of_several_batches_are_the_closed_form(recomputed):
    a, b = tf.constant([1.0, 2.0]), tf.constant([3.0])
    w = tf.constant(0.5)
    inputs = [
        Activation.of(tf.square, Activation(x))
        if recomputed
        else Activation(x**2)
        for x in (a, b)
    ]
    with tf.GradientTape() as tape:
        tape.watch([w, *(x.value for x in inputs)])
        one, two = call_twice(
            lambda w, x, y: [w**2 * x, w * tf.reduce_sum(x) * y],
            [w],
            inputs,
            GradientOrder(),
        )
        total = tf.reduce_sum(one) + tf.reduce_sum(two)
    dw, dx, dy = tape.gradient(total, [w, *(x.value for x in inputs)])
    # total = w^2 (1 + 4) + w (1 + 4) 9
    assert float(total) == 0.25 * 5 + 0.5 * 45
    assert float(dw) == 2 * 0.5 * 5 + 45
    assert dx.numpy().tolist() == [0.25 + 0.5 * 9] * 2
    assert dy.numpy().tolist() == [0.5 * 5]


def test_a_graph_runs_nothing_twice_that_its_gradient_does_not_need():
    heavy = Counted(tf.matmul)

    @tf.function(autograph=False)
    def gradient(x, w):
        with tf.GradientTape() as tape:
            tape.watch(w)
            (y,) = call_twice(
                lambda w, x: [heavy(x, w)],
                [w],
                [Activation(x)],
                GradientOrder(),
            )
        return tape.gradient(y, w)

    square = tf.TensorSpec((3, 3))
    graph = gradient.get_concrete_function(square, square).graph
    assert heavy.calls == 2
    used = reached(x.op for x in graph.outputs)
    # Neither forward product; the gradient is one of its own.
    assert [op.type for op in used].count("MatMul") == 1


def test_what_is_remade_waits_for_the_gradient():
    @tf.function(autograph=False)
    def gradient(x, w):
        with tf.GradientTape() as tape:
            tape.watch(w)
            recomputed = Activation.of(tf.square, Activation(x))
            (y,) = call_twice(
                lambda w, a: [w * a], [w], [recomputed], GradientOrder()
            )
        return tape.gradient(y, w)

    spec = tf.TensorSpec((3,))
    graph = gradient.get_concrete_function(spec, spec).graph
    squares = [op for op in graph.get_operations() if op.type == "Square"]
    assert [bool(op.control_inputs) for op in squares] == [False, True]


def test_one_is_remade_when_the_one_before_is_done():
    @tf.function(autograph=False)
    def gradient(w, x, y):
        order = GradientOrder()
        with tf.GradientTape() as tape:
            tape.watch(w)
            outputs = [
                call_twice(
                    lambda w, a: [w * a],
                    [w],
                    [Activation.of(tf.exp, Activation(batch))],
                    order,
                )
                for batch in (x, y)
            ]
        return tape.gradient(outputs, w)

    spec = tf.TensorSpec((3,))
    graph = gradient.get_concrete_function(spec, spec, spec).graph
    first, second = (
        op
        for op in graph.get_operations()
        if op.type == "Exp" and op.control_inputs
    )
    assert first in reached([second])
    assert second not in reached([first])


def reached(operations):
    """All operations that must have run before these, and these."""
    seen, queue = set(), list(operations)
    while queue:
        op = queue.pop()
        if op not in seen:
            seen.add(op)
            queue += [*(x.op for x in op.inputs), *op.control_inputs]
    return seen


@pytest.mark.parametrize("recomputed", [True, False])
def test_the_gradient_of_a_rectifier_is_where_it_is_positive(recomputed):
    x = tf.constant([-1.0, 0.0, 2.0])
    inputs = Activation.of(tf.identity, Activation(x))
    if not recomputed:
        inputs = Activation(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs.value)
        y = rectified(inputs)
    assert (y.recompute is not None) == recomputed
    assert y.recomputed().numpy().tolist() == [0.0, 0.0, 2.0]
    gradient = tape.gradient(y.value, inputs.value, tf.constant([1.0, 1, 3]))
    assert gradient.numpy().tolist() == [0.0, 0.0, 3.0]


def test_branches_of_a_condition_can_be_differentiated():
    @tf.function(autograph=False)
    def gradient(x, w):
        def branch():
            recomputed = Activation.of(tf.square, Activation(tf.identity(x)))
            return call_twice(
                lambda w, a: [w * a], [w], [recomputed], GradientOrder()
            )[0]

        with tf.GradientTape() as tape:
            tape.watch(w)
            y = tf.cond(x[0] > 0, branch, lambda: x)
        return tape.gradient(y, w)

    w = tf.constant(2.0)
    assert float(gradient(tf.constant([1.0, 3.0]), w)) == 10.0
    assert float(gradient(tf.constant([-1.0, 3.0]), w)) == 0.0
