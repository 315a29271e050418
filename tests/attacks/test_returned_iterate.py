"""Which iterate is returned."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import KeepFirstBroken, KeepLast

LABELS = tf.constant([0, 0, 0, 0])
WRONG_FROM = [0, 1, 2, 99]


def run(rule):
    """Visits iterates 0 and 1; row i is wrong at WRONG_FROM[i] only."""
    kept = rule.begin(tf.fill((4, 1, 1, 1), -1.0))
    for i in range(2):
        wrong = [float(i == first) for first in WRONG_FROM]
        logits = tf.stack([tf.fill((4,), 0.5), tf.constant(wrong)], -1)
        kept = rule.visit(kept, tf.fill((4, 1, 1, 1), float(i)), logits, LABELS)
    return rule.choose(kept, tf.fill((4, 1, 1, 1), 2.0))[:, 0, 0, 0].numpy()


def test_last_iterate():
    assert run(KeepLast()).tolist() == [2, 2, 2, 2]


def test_first_broken_iterate_else_the_last():
    # Row 1 is right again later, row 2 breaks at the unseen last iterate.
    assert run(KeepFirstBroken()).tolist() == [0, 1, 2, 2]


def test_a_row_that_stays_broken_keeps_its_first():
    rule = KeepFirstBroken()
    kept = rule.begin(tf.zeros((1, 1, 1, 1)))
    for i in range(3):
        image = tf.fill((1, 1, 1, 1), float(i))
        kept = rule.visit(kept, image, tf.constant([[0.0, 1.0]]), LABELS[:1])
    assert float(rule.choose(kept, image + 1.0)[0, 0, 0, 0]) == 0.0


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_labels_of_both_integer_types(dtype):
    rule = KeepFirstBroken()
    images = tf.zeros((1, 1, 1, 1))
    _, broken = rule.visit(
        rule.begin(images),
        images,
        tf.constant([[0.0, 1.0]]),
        tf.cast([1], dtype),
    )
    np.testing.assert_array_equal(broken, [False])
