"""Statistics measured anew, against NumPy's of the layers' own inputs."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.augment import Unchanged
from dat_keras.averaging import Averaging
from dat_keras.batch_statistics import MeasureStatistics, measured
from dat_keras.model import AdversarialModel
from dat_keras.objectives import Natural
from dat_keras.optimizers import SGD


@pytest.fixture
def batches():
    rng = np.random.default_rng(2)
    return [
        tf.constant(rng.random((4, 8, 8, 3)) * (i + 1) / 3, tf.float32)
        for i in range(3)
    ]


def norms(model):
    return [v for v in model.layers if isinstance(v, layers.BatchNormalization)]


def expected(model, batches, kernels=lambda w: w.numpy()):
    """Mean over batches of the statistics of both layers' inputs."""
    first, second = norms(model)
    rows = []
    for x in batches:
        z = tf.nn.conv2d(x, kernels(model.get_layer("conv1").kernel), 1, "SAME")
        z = z.numpy() + kernels(model.get_layer("conv1").bias)
        mean, variance = z.mean((0, 1, 2)), z.var((0, 1, 2))
        a = (z - mean) / np.sqrt(variance + first.epsilon)
        a = np.maximum(a * kernels(first.gamma) + kernels(first.beta), 0)
        kernel = kernels(model.get_layer("conv2").kernel)
        z2 = tf.nn.conv2d(a, kernel, 2, "SAME").numpy()
        z2 += kernels(model.get_layer("conv2").bias)
        rows.append([mean, variance, z2.mean((0, 1, 2)), z2.var((0, 1, 2))])
    return [np.mean(column, axis=0) for column in zip(*rows, strict=True)]


def test_statistics_are_numpys(
    tiny_model, batches, assert_close, snapshot, same
):
    before = snapshot(tiny_model.variables)
    found = measured(tiny_model, batches)
    assert same(before, snapshot(tiny_model.variables))
    names = [v for n in norms(tiny_model) for v in n.non_trainable_variables]
    assert [id(v) for v, _ in found] == [id(v) for v in names]
    for (_, value), e in zip(found, expected(tiny_model, batches), strict=True):
        assert_close(value, e, rtol=1e-4, atol=1e-5)


def test_each_branch_has_its_own(tiny_branched, batches, assert_close):
    for layer in norms(tiny_branched.branches[1]):
        layer.gamma.assign(3 * layer.gamma)
    found = measured(tiny_branched, batches)
    assert len(found) == 8
    for branch, values in zip(
        tiny_branched.branches, (found[:4], found[4:]), strict=True
    ):
        ours = [id(v) for n in norms(branch) for v in n.variables]
        assert all(id(v) in ours for v, _ in values)
        wanted = expected(branch, batches)
        for (_, value), e in zip(values, wanted, strict=True):
            assert_close(value, e, rtol=1e-4, atol=1e-5)


def test_no_batches_are_refused(tiny_model):
    with pytest.raises(ValueError, match="at least one batch"):
        measured(tiny_model, [])


class Three:
    """As much of `Batches` as the callback reads."""

    steps_per_epoch = 3

    def __init__(self, batches):
        self.batches = batches

    def batch(self, step):
        return self.batches[step].numpy(), np.arange(4, dtype=np.int32)


def test_validation_reads_statistics_of_the_averaged_weights(
    tiny_model, batches, assert_close
):
    model = AdversarialModel(tiny_model, Natural(), augment=Unchanged())
    averaging = Averaging(decay=0.5, start=0.0, measured=True)
    model.compile(optimizer=SGD(1.0), averaging=averaging)
    model.fit(
        tf.concat(batches, 0),
        np.arange(12) % 4,
        batch_size=4,
        shuffle=False,
        verbose=0,
        validation_data=(batches[0][:2], np.array([0, 1])),
        callbacks=[MeasureStatistics(Three(batches))],
    )
    places = {id(w): m for w, m in model.average.values(tiny_model.weights)}
    wanted = expected(tiny_model, batches, lambda w: places[id(w)].numpy())
    live = measured(tiny_model, batches)
    names = [v for n in norms(tiny_model) for v in n.non_trainable_variables]
    for variable, e, (_, other) in zip(names, wanted, live, strict=True):
        assert_close(places[id(variable)], e, rtol=1e-3, atol=1e-4)
        assert not np.allclose(e, other, rtol=1e-2)
