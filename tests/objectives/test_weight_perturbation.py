"""AWP against its formula, and that it leaves no trace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.objectives.weight_perturbation import WeightPerturbation


def variable(values, name=None):
    return keras.Variable(np.array(values, np.float32), name=name)


def test_worked_example(assert_close):
    w = variable([[3.0], [4.0]])
    with WeightPerturbation(0.005).applied(
        [w], lambda: {"loss": w.value[0, 0]}
    ):
        assert_close(w, [[3.025], [4.0]])
    np.testing.assert_array_equal(w, [[3.0], [4.0]])


@pytest.mark.parametrize("gamma", [0.005, 0.1])
def test_each_kernel_moves_by_its_share_along_its_gradient(gamma, assert_close):
    rng = np.random.default_rng(0)
    kernels = [variable(rng.normal(size=s)) for s in ((3, 3, 2, 4), (4, 5))]
    vector = variable([1.0, 2.0])
    slopes = [rng.normal(size=k.shape).astype("f") for k in kernels]
    before = [k.numpy() for k in kernels]

    def terms():
        parts = zip(kernels, slopes, strict=True)
        named = {
            str(i): tf.reduce_sum(k.value * s) for i, (k, s) in enumerate(parts)
        }
        return named | {"vector": tf.reduce_sum(vector.value)}

    start = float(tf.add_n(list(terms().values())))
    with WeightPerturbation(gamma).applied([*kernels, vector], terms):
        for old, k, slope in zip(before, kernels, slopes, strict=True):
            v = k.numpy().astype(np.float64) - old
            norm = np.linalg.norm(old) * gamma
            assert_close(v, norm * slope / np.linalg.norm(slope), atol=1e-5)
            assert np.linalg.norm(v) == pytest.approx(norm, rel=1e-3)
        np.testing.assert_array_equal(vector, [1.0, 2.0])
        assert float(tf.add_n(list(terms().values()))) > start


def test_weights_come_back_bit_by_bit(snapshot, same):
    rng = np.random.default_rng(1)
    w = variable(rng.normal(size=(50, 50)))
    before = snapshot([w])

    @tf.function
    def step():
        with WeightPerturbation(0.005).applied(
            [w], lambda: {"loss": tf.reduce_sum(tf.sin(w.value))}
        ):
            return tf.reduce_sum(w.value)

    inside = step()
    assert float(inside) != pytest.approx(before[0].sum(), abs=1e-6)
    assert same(before, snapshot([w]))


def test_gamma_zero_does_not_even_look():
    w = variable([[1.0]])
    with WeightPerturbation().applied([w], pytest.fail):
        np.testing.assert_array_equal(w, [[1.0]])


def test_a_kernel_without_gradient_stays_finite(assert_close):
    w = variable([[3.0, 4.0]])
    with WeightPerturbation(0.01).applied([w], lambda: {"loss": tf.zeros(())}):
        assert_close(w, [[3.0, 4.0]])


def test_weights_come_back_after_an_error(snapshot, same):
    w = variable([[3.0, 4.0]])
    before = snapshot([w])
    with (
        pytest.raises(RuntimeError),
        WeightPerturbation(0.01).applied(
            [w], lambda: {"loss": tf.reduce_sum(w.value)}
        ),
    ):
        raise RuntimeError
    assert same(before, snapshot([w]))


def test_statistics_of_a_model_stay(tiny_model, batch, snapshot, same):
    x, _ = batch
    before = snapshot(tiny_model.variables)
    with keras.StatelessScope():
        pass

    def outer():
        with keras.StatelessScope():
            return {"loss": tf.reduce_sum(tiny_model(x, training=True) ** 2)}

    with WeightPerturbation(0.01).applied(
        tiny_model.trainable_variables, outer
    ):
        pass
    assert same(before, snapshot(tiny_model.variables))


@pytest.mark.parametrize(("progress", "moves"), [(0.1, False), (0.3, True)])
def test_weights_move_from_the_start_on(progress, moves, assert_close):
    w = variable([[3.0, 4.0]])
    awp = WeightPerturbation(0.005, start=0.3)
    with awp.applied([w], lambda: {"loss": w.value[0, 0]}, progress):
        assert_close(w, [[3.0 + 0.025 * moves, 4.0]])
    np.testing.assert_array_equal(w, [[3.0, 4.0]])
