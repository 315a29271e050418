"""Statistics recomputed, against NumPy's of the layers' own inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dat_keras.augment import CutOut, Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.objectives import DAT, IDBH, Natural
from dat_keras.objectives.dat.amplitude_mixup import Spectrum
from dat_keras.objectives.step import View
from dat_keras.optimizers import SGD
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.batch_norm_statistics import MeasureStatistics, measured
from dat_keras.training.model import AdversarialModel


@pytest.fixture
def batches():
    rng = np.random.default_rng(2)
    return [
        tf.constant(rng.random((4, 8, 8, 3)) * (i + 1) / 3, tf.float32)
        for i in range(3)
    ]


def norms(model):
    return [v for v in model.layers if isinstance(v, layers.BatchNormalization)]


def statistics(model):
    return [v for norm in norms(model) for v in norm.non_trainable_variables]


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
    found = measured(tiny_model, [(x,) for x in batches])
    assert same(before, snapshot(tiny_model.variables))
    names = statistics(tiny_model)
    assert [id(v) for v, _ in found] == [id(v) for v in names]
    for (_, value), e in zip(found, expected(tiny_model, batches), strict=True):
        assert_close(value, e, rtol=1e-4, atol=1e-5)


def test_each_branch_is_measured_on_its_own_views(
    tiny_branched, batches, assert_close
):
    for layer in norms(tiny_branched.branches[1]):
        layer.gamma.assign(3 * layer.gamma)

    def views(x):
        darker, darkest = 0.5 * x, 0.1 * x
        return View(x, x), View(darker, x, 1), View(darkest, x, 1)

    found = measured(tiny_branched, [(x,) for x in batches], views)
    base, other = tiny_branched.branches
    wanted = [
        expected(base, batches),
        [
            (a + b) / 2
            for a, b in zip(
                expected(other, [0.5 * x for x in batches]),
                expected(other, [0.1 * x for x in batches]),
                strict=True,
            )
        ],
    ]
    assert len(found) == 8
    for branch, values, numbers in zip(
        (base, other), (found[:4], found[4:]), wanted, strict=True
    ):
        ours = [id(v) for n in norms(branch) for v in n.variables]
        assert all(id(v) in ours for v, _ in values)
        for (_, value), e in zip(values, numbers, strict=True):
            assert_close(value, e, rtol=1e-4, atol=1e-5)


def test_a_branch_that_no_view_reads_keeps_its_statistics(
    tiny_branched, batches
):
    found = measured(tiny_branched, [(x,) for x in batches])
    second = {
        id(v) for n in norms(tiny_branched.branches[1]) for v in n.variables
    }
    assert len(found) == 4 and not any(id(v) in second for v, _ in found)


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
    model.hold_training_weights()
    places = {id(w): m for w, m in model.average.values(tiny_model.weights)}
    wanted = expected(tiny_model, batches, lambda w: places[id(w)].numpy())
    live = measured(tiny_model, [(x,) for x in batches])
    names = statistics(tiny_model)
    for variable, e, (_, other) in zip(names, wanted, live, strict=True):
        assert_close(places[id(variable)], e, rtol=1e-3, atol=1e-4)
        assert not np.allclose(e, other, rtol=1e-2)


def statistics_callback(objective, classifier, batches):
    """The callback of a model that keeps an average, for use by hand."""
    model = AdversarialModel(classifier, objective, augment=Unchanged())
    averaging = Averaging(decay=0.5, start=0.0, measured=True)
    model.compile(optimizer=SGD(0.1), averaging=averaging)
    callback = MeasureStatistics(Three(batches))
    callback.set_model(model)
    return model, callback


def test_dats_second_branch_is_measured_on_recombined_images(
    tiny_branched, batches, assert_close
):
    dat = DAT(augment=Unchanged())
    model, callback = statistics_callback(dat, tiny_branched, batches)
    recombined = []
    for i, x in enumerate(batches):
        key = BatchKey.of(model.seed, i).fold_in("statistics")
        spectrum = Spectrum.of(x, Predictor(tiny_branched)(x))
        recombined.append(
            dat.mix(spectrum, model.adversary, key.fold_in("mix"))[0]
        )
    callback.on_test_begin()
    means = {id(w): m for w, m in model.average.values(tiny_branched.weights)}
    for branch, images in zip(
        tiny_branched.branches, (batches, recombined), strict=True
    ):
        wanted = expected(branch, images)
        variables = [
            v for n in norms(branch) for v in n.non_trainable_variables
        ]
        for variable, e in zip(variables, wanted, strict=True):
            assert_close(means[id(variable)], e, rtol=1e-3, atol=1e-4)


def test_idbh_is_measured_on_its_own_augmentation(
    tiny_model, batches, assert_close
):
    idbh = IDBH(augment=CutOut(4))
    model, callback = statistics_callback(idbh, tiny_model, batches)
    cut = [
        CutOut(4)(
            x, None, BatchKey.of(0, i).fold_in("statistics").fold_in("idbh")
        )[0]
        for i, x in enumerate(batches)
    ]
    callback.on_test_begin()
    means = {id(w): m for w, m in model.average.values(tiny_model.weights)}
    variables = [
        v for n in norms(tiny_model) for v in n.non_trainable_variables
    ]
    for variable, e in zip(variables, expected(tiny_model, cut), strict=True):
        assert_close(means[id(variable)], e, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["arrays", "sequence", "dataset", "no test"])
def test_fit_measures_what_it_can_read_twice(
    tiny_model, batches, assert_close, kind
):
    model = AdversarialModel(tiny_model, Natural(), augment=Unchanged())
    averaging = Averaging(decay=0.5, start=0.0, measured=True)
    model.compile(optimizer=SGD(1.0), averaging=averaging)
    x, y = tf.concat(batches, 0).numpy(), np.arange(12) % 4
    given = {"validation_data": (x[:2], y[:2])}
    if kind == "no test":
        given = {}
    elif kind == "arrays":
        # The last ones are held out.
        x, y = (np.concatenate([v, v[:4]]) for v in (x, y))
        given = {"validation_split": 0.25}
    if kind == "sequence":
        given["x"] = Pairs(batches)
    elif kind == "dataset":
        given["x"] = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    else:
        given |= {"x": x, "y": y, "batch_size": 4, "shuffle": False}
    model.fit(**given, verbose=0)
    model.hold_training_weights()
    places = {id(w): m for w, m in model.average.values(tiny_model.weights)}
    wanted = expected(tiny_model, batches, lambda w: places[id(w)].numpy())
    for variable, e in zip(statistics(tiny_model), wanted, strict=True):
        assert_close(places[id(variable)], e, rtol=1e-3, atol=1e-4)


class Pairs(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index].numpy(), np.arange(4)


def test_what_fit_can_read_once_is_refused(tiny_model, batches):
    model = AdversarialModel(tiny_model, Natural(), augment=Unchanged())
    averaging = Averaging(start=0.0, measured=True)
    model.compile(optimizer=SGD(0.1), averaging=averaging)
    data = ((x, tf.range(4)) for x in batches)
    with pytest.raises(ValueError, match="x=a generator"):
        model.fit(data, steps_per_epoch=2, verbose=0)
