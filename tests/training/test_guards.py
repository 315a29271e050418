"""What is wrong about a step is said in one sentence, compiled or not."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_nets import fit, noise

from dat_keras.attacks import PGD
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, Natural
from dat_keras.optimizers import SGD
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.errors import TrainingDivergedError

SHORT = PGD(Linf(0.03), steps=1)


@dataclasses.dataclass(frozen=True)
class Diverging(Natural):
    """Natural training whose loss is NaN for images that hold white."""

    def loss(self, predict, views, y):
        terms = super().loss(predict, views, y)
        dark = tf.reduce_max(views[0].x) < 1.0
        bad = tf.where(dark, 1.0, float("nan"))
        return {name: term * bad for name, term in terms.items()}


@tf.custom_gradient
def _with_nan_gradient(x):
    return tf.identity(x), lambda upstream: upstream * float("nan")


@dataclasses.dataclass(frozen=True)
class Steep(Natural):
    """A finite loss whose gradient is NaN."""

    def loss(self, predict, views, y):
        terms = super().loss(predict, views, y)
        return {name: _with_nan_gradient(t) for name, t in terms.items()}


@pytest.fixture(scope="module", params=[False, True], ids=["asserts", "xla"])
def make(request, make_tiny):
    def build(objective):
        model = AdversarialModel(
            make_tiny(objective.branches), objective, eval_attack=SHORT
        )
        model.compile(
            optimizer=SGD(0.1, momentum=0.9, weight_decay=5e-4),
            averaging=Averaging(0.5, start=0.0),
            jit_compile=request.param,
        )
        return model

    return build


@pytest.fixture(scope="module")
def natural(make):
    """A model of natural training, compiled once for all cases."""
    return make(Natural())


@pytest.fixture
def data():
    return noise(16)


def state(model):
    return [
        v.numpy()
        for v in (
            *model.variables,
            *model.optimizer.variables,
            *getattr(model.adversary.optimizer, "variables", ()),
        )
        if v is not model.total_steps
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda x, y: (255 * x, y),
            r"Images must lie in \[0, 1\]; divide by 255\? "
            r"expected \[0\.0, 1\.0\], received \[[0-9.]+, 25[0-9.]+\]$",
        ),
        (
            lambda x, y: (x * np.float32("nan"), y),
            r"^Images must lie in \[0, 1\]",
        ),
        (
            lambda x, y: (x, y + 10),
            r"^Labels must be class ids: expected \[0, 3\], "
            r"received \[10, 13\]$",
        ),
        (lambda x, y: (x, y - 1), r"class ids.*received \[-1, 2\]$"),
    ],
)
def test_bad_batches(natural, data, change, sentence):
    bad, model = change(*data), natural
    # `fit` leaves the average in the classifier, `train_on_batch` does not.
    model.hold_training_weights()
    before, done = state(model), int(model.step)
    for call in (
        lambda: fit(model, bad),
        lambda: model.evaluate(*bad, verbose=0),
        lambda: model.train_on_batch(*bad),
        lambda: model.test_on_batch(*bad),
    ):
        with pytest.raises(ValueError, match=sentence) as error:
            call()
        assert "\n" not in str(error.value)
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)
    # What was wrong is forgotten where the data are right.
    fit(model, data)
    assert int(model.step) == done + 2


@pytest.mark.parametrize("objective", [Diverging(), Steep()])
def test_a_loss_or_gradient_that_is_not_finite(make, data, objective):
    x, y = data
    model = make(objective)
    if isinstance(objective, Diverging):
        fit(model, (x[:8], y[:8]))
        x = np.ones_like(x)
    before, done = state(model), int(model.step)
    message = f"^the loss is not finite at step {done}$"
    with pytest.raises(TrainingDivergedError, match=message):
        fit(model, (x, y))
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)


# Without XLA an assertion stops the call itself.
@pytest.mark.parametrize("make", [True], ids=["xla"], indirect=True)
def test_later_steps_of_one_call_are_undone_too(make, data):
    x, y = data
    model = make(Natural())
    model.compile(optimizer=SGD(0.1), jit_compile=True, steps_per_execution=2)
    before = state(model)
    with pytest.raises(ValueError, match=r"received \[4, 4\]"):
        fit(model, (x, np.where(np.arange(16) < 8, 4, y)))
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "make",
    [False, pytest.param(True, marks=pytest.mark.thorough)],
    ids=["asserts", "xla"],
    indirect=True,
)
def test_good_steps_of_a_second_player_are_kept(make, data):
    model = make(DAT(SHORT))
    before = state(model)
    fit(model, data)
    assert int(model.step) == 2
    generator = model.adversary.generator.trainable_variables
    assert all(np.isfinite(v.numpy()).all() for v in generator)
    changed = [
        not np.array_equal(a, b)
        for a, b in zip(before, state(model), strict=True)
    ]
    assert np.mean(changed) > 0.9


def test_other_errors_of_the_graph_pass(natural):
    def fail(iterator):
        raise tf.errors.InvalidArgumentError(None, None, "something else")

    with pytest.raises(tf.errors.InvalidArgumentError, match="else"):
        natural._raising(fail)(None)


def test_keras_own_checkpoint_callbacks_see_no_undone_epoch(make, data):
    seen = []

    class Seen(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)

    model = make(Diverging())
    with pytest.raises(TrainingDivergedError):
        model.fit(np.ones_like(data[0]), data[1], verbose=0, callbacks=[Seen()])
    assert seen == []
