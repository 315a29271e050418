"""AutoAttack's losses: values worked out by hand, and what must not matter."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks.boundaries import TargetedMargin
from dat_keras.attacks.dlr import (
    DLR,
    TargetedDLR,
    dlr,
    target_of_rank,
    targeted_dlr,
)

Z = tf.constant([[3.0, 2.0, 5.0, 1.0]])


def of(*labels):
    return tf.constant(labels)


@pytest.mark.parametrize(("y", "value"), [(0, 2 / 3), (1, 1.0), (2, -2 / 3)])
def test_dlr_by_hand(y, value, assert_close):
    assert_close(dlr(Z, of(y)), [value])


def test_targeted_dlr_by_hand(assert_close):
    assert_close(targeted_dlr(Z, of(2), of(0)), [-2 / 3.5])
    assert_close(targeted_dlr(Z, of(2), of(3)), [-4 / 3.5])


def test_three_classes_take_the_third_logit(assert_close):
    z = tf.constant([[3.0, 2.0, 5.0]])
    assert_close(dlr(z, of(2)), [-2 / 3])
    assert_close(targeted_dlr(z, of(2), of(1)), [-3 / 3])


def test_two_classes_take_the_margin(assert_close):
    z = tf.constant([[3.0, 5.5]])
    assert_close(dlr(z, of(1)), [-2.5])
    assert_close(targeted_dlr(z, of(1), of(0)), [-2.5])


@pytest.mark.parametrize("classes", [3, 4, 7])
def test_scale_and_shift_of_logits_do_not_matter(classes, assert_close):
    z = np.random.default_rng(0).normal(size=(5, classes))
    z = tf.constant(z, tf.float32)
    y, t = of(0, 1, 2, 0, 1), of(1, 2, 0, 2, 0)
    for changed in (1024 * z, z / 1024, z + 3):
        assert_close(dlr(changed, y), dlr(z, y), rtol=1e-3)
        assert_close(
            targeted_dlr(changed, y, t), targeted_dlr(z, y, t), rtol=1e-3
        )


@pytest.mark.parametrize("classes", [2, 3, 4, 7])
def test_constant_logits_give_no_gradient_and_no_nan(classes):
    z, y = tf.zeros((2, classes)), of(0, 1)
    for loss in (
        lambda z: dlr(z * 0.0, y),
        lambda z: targeted_dlr(z * 0.0, y, of(1, 0)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss(z)
        assert np.array_equal(value, np.zeros(2))
        assert np.array_equal(tape.gradient(value, z), np.zeros((2, classes)))


@pytest.mark.parametrize("rank", [2, 3, tf.constant(4)])
def test_targets_are_taken_by_rank(rank):
    def predict(x, branch=0):
        return tf.concat([Z, Z[:, ::-1]], 0)

    expected = np.argsort(-predict(None).numpy())[:, int(rank) - 1]
    assert target_of_rank(predict, None, rank).numpy().tolist() == list(
        expected
    )


def test_bound_losses_are_the_functions(assert_close):
    def predict(x, branch=0):
        return Z

    z, y = tf.constant([[1.0, 4.0, 2.0, 2.5]]), of(2)
    # At the clean logits the ranks are 2, 0, 1, 3.
    assert_close(DLR().bind(predict, None, y)(z), dlr(z, y))
    assert_close(
        TargetedDLR(3).bind(predict, None, y)(z), targeted_dlr(z, y, of(1))
    )
    assert_close(TargetedMargin(2).bind(predict, None, y)(z), [1.0 - 2.0])
