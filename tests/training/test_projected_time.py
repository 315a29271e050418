"""The projected time: what is timed, what is counted, what stays as it was."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.data import Batches, Split, load_split
from dat_keras.objectives import TRADES
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel
from dat_keras.training.projected_time import ProjectedTime, projection

VALIDATION = Batches(
    load_split("shapes", "validation").take(100), 20, shuffle=False
)


class Run:
    """A model whose steps and validation batches move a clock."""

    def __init__(self, total, step=2.0, call=3.0, batch=4.0):
        self.now, self.done, self.total = 0.0, 0, total
        self.seconds_of = {"step": step, "call": call, "batch": batch}
        self.train_metrics, self.evaluated = {}, []
        self.distribute_strategy = tf.distribute.get_strategy()
        self.step = SimpleNamespace(numpy=lambda: self.done)
        self.total_steps = SimpleNamespace(numpy=lambda: self.total)

    def evaluate(self, batches, verbose):
        # The first call compiles.
        self.now += 10.0 if not self.evaluated else self.seconds_of["call"]
        self.now += self.seconds_of["batch"] * len(batches)
        self.evaluated.append(len(batches.split))

    def train(self, callback, epochs):
        callback.set_model(self)
        per_epoch = self.total // epochs
        for epoch in range(epochs):
            callback.on_epoch_begin(epoch)
            for batch in range(per_epoch):
                self.now += self.seconds_of["step"] + 50.0 * (not self.done)
                self.done += 1
                callback.on_train_batch_end(batch)
            callback.on_test_begin()
            self.now += 1000.0


def project(run, epochs, validation=VALIDATION, **options):
    said = []
    run.train(
        ProjectedTime(
            said.append, epochs, validation, clock=lambda: run.now, **options
        ),
        epochs,
    )
    return said


def test_steps_validations_and_the_closing_table_are_counted():
    run = Run(total=1000)
    said = project(run, 2, closing_images=50.0)
    # After 6 steps; 100 validation images in 5 batches of 4 s, and 3 s once.
    assert said == [projection(2.0, 994, 23.0, 2, 10.0)]
    assert run.evaluated == [20, 20, 60]
    assert "34 min" in said[0] and "994 steps" in said[0]


def test_without_a_closing_table_it_says_what_is_missing():
    (said,) = project(Run(total=1000), 2)
    assert said == projection(2.0, 994, 23.0, 2)
    assert "an evaluation after training is not counted" in said


@pytest.mark.parametrize(
    ("total", "epochs", "expected"),
    [
        # Three steps of the first epoch, two of them timed.
        (6, 2, [projection(2.0, 3, 23.0, 2)]),
        # One step an epoch: the first compiles, the second is timed.
        (4, 4, [projection(2.0, 2, 23.0, 3)]),
        # Nothing but the step that compiles.
        (1, 1, []),
    ],
)
def test_short_epochs_are_projected_before_a_validation(
    total, epochs, expected
):
    assert project(Run(total), epochs) == expected


@pytest.mark.parametrize(
    ("images", "evaluated", "seconds"),
    [
        # Two full batches can be told from one; the third is not full.
        (50, [20, 20, 40], 3.0 + 2.5 * 4.0),
        # One alone cannot: all is counted to its images.
        (30, [20, 20], 1.5 * 7.0),
        (10, [10, 10], 7.0),
    ],
)
def test_few_validation_images_are_timed_by_full_batches(
    images, evaluated, seconds
):
    run = Run(total=1000)
    few = Batches(VALIDATION.split.take(images), 20, shuffle=False)
    assert project(run, 2, few) == [projection(2.0, 994, seconds, 2)]
    assert run.evaluated == evaluated


def test_a_clock_that_sees_no_difference_counts_a_call_alone():
    run = Run(total=1000, call=3.0, batch=0.0)
    assert project(run, 2) == [projection(2.0, 994, 3.0, 2)]


def test_a_run_of_days_is_told_what_would_shorten_it():
    assert "--limit" in projection(10.0, 10_000, 0.0, 1)
    assert "--limit" in projection(1.0, 1, 50_000.0, 2)
    assert "--limit" not in projection(1.0, 10_000, 0.0, 1)


def test_timing_leaves_metrics_and_traces_as_they_were():
    """As `fit` ends without it, and validation is traced once, not twice."""
    traced = []

    class Model(AdversarialModel):
        def test_step(self, data):
            traced.append(data[0].shape)
            return super().test_step(data)

    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (50, 8, 8, 1), np.uint8)
    labels = (np.arange(50) % 3).astype(np.int32)
    split = Split(images, labels, ("a", "b", "c"), "noise")
    small = Batches(split, 20, shuffle=False)

    def trained(*callbacks):
        keras.utils.set_random_seed(0)
        net = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        model = Model(net, TRADES())
        model.compile(optimizer=SGD(0.1))
        history = model.fit(
            Batches(split, 4),
            epochs=2,
            validation_data=small,
            callbacks=callbacks,
            verbose=0,
        )
        return history.history

    plain, once = trained(), len(traced)
    said = []
    assert trained(ProjectedTime(said.append, 2, small)) == plain
    assert len(said) == 1 and "2 validations" in said[0]
    assert len(traced) == 2 * once
