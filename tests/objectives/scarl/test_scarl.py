"""SCARL: worked numbers, NumPy geometry, its memory and its heads."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from replicas import two_replicas

from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.augment import Unchanged
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import SCARL, TRADES
from dat_keras.objectives.scarl.scarl import geometry, mutual_information
from dat_keras.objectives.scarl.semantics import (
    Semantics,
    SemanticView,
    class_means,
    memory_share,
)
from dat_keras.objectives.step import Ascent, View
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

SHORT = SCARL(PGD(Linf(8 / 255), KLFromClean(), 2, start=NormalStart()))


def unit(rows, seed=0):
    a = np.random.default_rng(seed).normal(size=(rows, 6))
    return a / np.linalg.norm(a, axis=-1, keepdims=True)


def test_worked_example():
    same = tf.constant([[0.6, 0.8]] * 2)
    value = mutual_information(same, same, tf.constant([0, 1]))
    assert float(value) == pytest.approx(6.606523 + 0.001352, abs=1e-5)
    # In one class no word is wrong: only the second part is left.
    value = mutual_information(same, same, tf.constant([1, 1]))
    assert float(value) == pytest.approx(0.001352, abs=1e-6)


def test_mutual_information_is_numpys(assert_close):
    a, t = unit(7, 1), unit(7, 2)
    y = np.array([0, 1, 1, 2, 0, 3, 3])
    s = np.exp(a @ t.T / 0.5)
    far = [
        np.log(1 + s[i, j] / 0.01) if y[i] != y[j] else 0.0
        for i in range(7)
        for j in range(7)
        if i != j
    ]
    expected = np.mean(far) + np.log(1 + 0.01 / np.diag(s)).mean()
    a, t = tf.constant(a, tf.float32), tf.constant(t, tf.float32)
    assert_close(mutual_information(a, t, tf.constant(y)), expected)


def relations(points):
    n = len(points)
    d = np.linalg.norm(points[:, None] - points[None], axis=-1)
    d = d / d[d > 0].mean()
    angles = np.zeros((n, n, n))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                a, b = points[j] - points[i], points[k] - points[i]
                length = np.linalg.norm(a) * np.linalg.norm(b)
                angles[i, j, k] = a @ b / length if length > 0 else 0.0
    return d, angles


def smooth_l1(a, b):
    e = np.abs(a - b)
    return np.where(e < 1, e**2 / 2, e - 0.5).mean()


def test_geometry_is_numpys_on_the_classes_present(assert_close):
    means, memory = 2.0 * unit(5, 3), unit(5, 4)
    present = np.array([True, False, True, True, False])
    pairs = zip(
        relations(means[present]), relations(memory[present]), strict=True
    )
    expected = np.dot([2, 3], [smooth_l1(a, b) for a, b in pairs])
    ours = geometry(
        tf.constant(means, tf.float32),
        tf.constant(memory, tf.float32),
        tf.constant(present),
    )
    assert_close(ours, expected, rtol=1e-4)


def test_geometry_has_no_scale_and_holds_the_memory_still():
    means = tf.constant(unit(4, 5), tf.float32)
    present = tf.fill((4,), True)
    assert float(geometry(means, 3.0 * means, present)) < 1e-6
    memory = tf.constant(unit(4, 6), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([means, memory])
        value = geometry(means, memory, present)
    of_means, of_memory = tape.gradient(value, [means, memory])
    assert np.isfinite(of_means).all() and np.abs(of_means).max() > 0
    assert of_memory is None


@pytest.mark.parametrize("classes", [0, 1])
def test_geometry_of_too_few_classes_is_nothing(classes):
    means = tf.constant(unit(3), tf.float32)
    present = tf.range(3) < classes
    with tf.GradientTape() as tape:
        tape.watch(means)
        value = geometry(means, tf.zeros_like(means), present)
    assert float(value) == 0.0
    assert not np.any(tape.gradient(value, means))


def test_class_means_ignore_other_classes():
    vectors = tf.constant([[1.0], [3.0], [10.0]])
    means, present = class_means(vectors, tf.constant([2, 2, 0]), 4)
    assert means.numpy().ravel().tolist() == [10, 0, 2, 0]
    assert present.numpy().tolist() == [True, False, True, False]


def test_memory_mixes_present_classes_and_keeps_the_others(assert_close):
    semantics = Semantics(8, np.eye(4))
    before = semantics.memory.numpy()
    assert np.abs(before).max() <= math.sqrt(3 / 64)
    y = tf.constant([0, 0, 3])
    vectors = semantics.text(y).numpy()
    assert_close(np.linalg.norm(vectors, axis=-1), 1.0)
    after = semantics.memory_after(y, tf.constant(0.25)).numpy()
    np.testing.assert_array_equal(semantics.memory, before)
    np.testing.assert_array_equal(after[1:3], before[1:3])
    assert_close(after[0], 0.75 * vectors[:2].mean(0) + 0.25 * before[0])
    assert_close(after[3], 0.75 * vectors[2] + 0.25 * before[3])


def test_geometry_reads_a_memory_that_holds_the_batch(
    tiny_model, make_step, assert_close
):
    step = make_step(tiny_model, SHORT, progress=tf.constant(0.5))
    semantics, share = step.adversary, math.exp(-1.25)
    (view,) = SHORT.craft(step)
    text, present = class_means(semantics.text(step.y), step.y, 4)
    memory = (1 - share) * text + share * semantics.memory.value
    features, _ = step.predict.features(view.x_adv)
    means, _ = class_means(semantics.image(features), step.y, 4)
    terms = SHORT.loss(step.predict, (view,), step.y)
    expected = share * geometry(means, memory, present)
    assert_close(terms["geometry"], expected)
    # What the loss has read is kept.
    semantics.ascend(Ascent(step, (view,), [], pytest.fail))
    assert_close(semantics.memory, memory)


def test_geometry_moves_the_image_head_alone(tiny_model, make_step):
    step = make_step(tiny_model, SHORT, progress=tf.constant(0.9))
    heads = step.adversary.image_head, step.adversary.text_head
    weights = [[w.value for w in head.trainable_variables] for head in heads]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        views = SHORT.craft(step)
        value = SHORT.loss(step.predict, views, step.y)["geometry"]
    of_image, of_text = tape.gradient(value, weights)
    assert np.abs(of_image[-2]).max() > 0
    assert of_text == [None] * len(weights[1])


def test_replicas_share_one_memory(assert_close):
    """A class that one of two replicas has counts in full."""
    strategy = two_replicas()
    with strategy.scope():
        semantics = Semantics(8, np.eye(4))
    before, rows = semantics.memory.numpy(), [[0, 0, 1], [0, 2, 2]]
    labels = strategy.experimental_distribute_values_from_function(
        lambda c: tf.constant(rows[c.replica_id_in_sync_group])
    )

    def update(y):
        view = SemanticView(
            None,
            None,
            semantics=semantics,
            memory=semantics.memory_after(y, tf.constant(0.25)),
            geometry_weight=tf.constant(1.0),
        )
        semantics.ascend(Ascent(None, (view,), [], pytest.fail))

    texts = [semantics.text(tf.constant(y)).numpy() for y in rows]
    tf.function(lambda: strategy.run(update, (labels,)), autograph=False)()
    after = semantics.memory.numpy()
    text, classes = np.concatenate(texts), np.concatenate(rows)
    for c in range(3):
        mean = text[classes == c].mean(0)
        assert_close(after[c], 0.75 * mean + 0.25 * before[c], atol=1e-6)
    np.testing.assert_array_equal(after[3], before[3])


def test_memory_share():
    assert float(memory_share(0.0)) == pytest.approx(math.exp(-5))
    assert float(memory_share(0.5)) == pytest.approx(math.exp(-1.25))
    assert float(memory_share(1.0)) == 1.0


def test_words_are_what_the_heads_read():
    words = ((1.0, 0.0, 2.0), (0.0, 1.0, -1.0))
    adversary = SCARL(words=words).build_adversary(
        ClassifierSpec((8, 8, 3), 2, 8)
    )
    np.testing.assert_array_equal(adversary.words, words)
    fallback = SCARL().build_adversary(ClassifierSpec((8, 8, 3), 4, 8))
    np.testing.assert_array_equal(fallback.words, np.eye(4))


def test_unfit_settings_are_explained():
    with pytest.raises(ValueError, match=r"lengths \[1, 2\]"):
        SCARL(words=((1.0,), (1.0, 2.0)))
    with pytest.raises(ValueError, match="each of 3 classes. Received: 1"):
        SCARL(words=((1.0,),)).build_adversary(ClassifierSpec((8, 8, 3), 3, 8))
    with pytest.raises(ValueError, match="last dense layer"):
        SCARL().build_adversary(ClassifierSpec((8, 8, 3), 3, None))


def test_without_semantics_it_is_trades_with_adversarial_labels(
    tiny_model, make_step
):
    ours = replace(SHORT, mutual_information=0.0, geometry=0.0)
    theirs = TRADES(SHORT.attack)
    step = make_step(tiny_model, ours)
    (view,), (other,) = ours.craft(step), theirs.craft(step)
    np.testing.assert_array_equal(view.x_adv, other.x_adv)
    terms = ours.loss(step.predict, (view,), step.y)
    assert float(terms["mutual_information"] + terms["geometry"]) == 0.0
    expected = theirs.loss(step.predict, (other,), step.y)["robust"]
    assert float(terms["robust"]) == pytest.approx(float(expected), rel=1e-6)
    attacked = theirs.loss(
        step.predict, (View(view.x_adv, view.x_adv),), step.y
    )
    assert float(terms["adversarial"]) == pytest.approx(
        float(attacked["natural"]), rel=1e-6
    )


def test_a_step_moves_heads_and_memory(tiny_model, batch, snapshot, same):
    model = AdversarialModel(tiny_model, SHORT, augment=Unchanged())
    model.compile(optimizer=SGD(0.1, momentum=0.9))
    model.total_steps.assign(1)
    semantics = model.adversary
    heads = semantics.cooperative_weights
    assert len(heads) == 12
    before = [snapshot([v]) for v in (*heads, semantics.memory)]
    model.train_step(batch)
    after = [snapshot([v]) for v in (*heads, semantics.memory)]
    pairs = zip(before, after, strict=False)
    still = [
        v.path for v, pair in zip(heads, pairs, strict=False) if same(*pair)
    ]
    # BatchNorm makes its dense layer's bias idle.
    assert all("dense0/bias" in path for path in still)
    assert not same(before[-1], after[-1])
    assert len(model.optimizer.velocities) == 12 + len(
        tiny_model.trainable_variables
    )
