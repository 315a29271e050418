import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_splits import make_split, rows_of

from dat_keras.data.batches import Batches

B, N = 8, 45
S = N // B


class Recorder(keras.Model):
    """Counts nothing and learns nothing; writes down the rows it sees."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 3)))

    def _write(self, x, y):
        self.seen.append((rows_of(x), y.copy()))
        return np.int32(0)

    def train_step(self, data):
        return {"zero": tf.numpy_function(self._write, data, tf.int32)}

    test_step = train_step


@pytest.fixture
def recorder():
    model = Recorder()
    model.compile(optimizer="sgd", loss="mse")
    return model


def expected(batches, steps):
    return [rows_of(batches.batch(step)[0]) for step in steps]


def assert_saw(recorder, batches, steps):
    rows = [rows for rows, _ in recorder.seen]
    assert [r.tolist() for r in rows] == [
        r.tolist() for r in expected(batches, steps)
    ]


def test_fit_sees_the_batches_of_the_pure_function(recorder):
    batches = Batches(make_split(N), B, seed=3)
    recorder.fit(batches, epochs=3, shuffle=False, verbose=0)
    assert_saw(recorder, batches, range(3 * S))
    for rows, y in recorder.seen:
        np.testing.assert_array_equal(y, rows % 4)


def test_fit_with_validation_keeps_both_in_place(recorder):
    batches = Batches(make_split(N), B)
    validation = Batches(make_split(10), B, shuffle=False)
    recorder.fit(
        batches,
        epochs=2,
        shuffle=False,
        verbose=0,
        validation_data=validation,
    )
    order = []
    for epoch in range(2):
        order += expected(batches, range(epoch * S, (epoch + 1) * S))
        order += [np.arange(8), np.arange(8, 10)]
    assert [r.tolist() for r, _ in recorder.seen] == [r.tolist() for r in order]


def test_fit_goes_on_where_the_last_fit_stopped(recorder):
    batches = Batches(make_split(N), B)
    recorder.fit(batches, epochs=1, shuffle=False, verbose=0)
    recorder.fit(batches, initial_epoch=1, epochs=3, shuffle=False, verbose=0)
    assert_saw(recorder, batches, range(3 * S))


@pytest.mark.parametrize("step", [0, 1, S - 1, S, S + 2, 7 * S + 3])
def test_resumed_fits_see_the_rest(recorder, step):
    batches = Batches(make_split(N), B, seed=1)
    rest, epoch = batches.starting_at(step), step // S
    options = {"shuffle": False, "verbose": 0}
    recorder.fit(rest, initial_epoch=epoch, epochs=epoch + 1, **options)
    assert_saw(recorder, batches, range(step, (epoch + 1) * S))
    recorder.fit(rest, initial_epoch=epoch + 1, epochs=epoch + 3, **options)
    assert_saw(recorder, batches, range(step, (epoch + 3) * S))


def test_each_epoch_is_another_order_of_distinct_rows():
    batches = Batches(make_split(400), 40)
    epochs = [
        np.concatenate(expected(batches, range(e * 10, e * 10 + 10)))
        for e in range(3)
    ]
    for rows in epochs:
        assert sorted(rows.tolist()) == list(range(400))
    for a, b in ((0, 1), (1, 2), (0, 2)):
        # Two independent orders agree in one place on average.
        assert (epochs[a] == epochs[b]).sum() < 10


def test_seed_changes_the_order_and_nothing_else_does():
    split = make_split(N)
    x, y = Batches(split, B, seed=5).batch(11)
    again = Batches(split, B, seed=5, first_step=4)
    for step in (0, 3, 30):
        again.batch(step)
    np.testing.assert_array_equal(again.batch(11)[0], x)
    np.testing.assert_array_equal(again.batch(11)[1], y)
    assert (Batches(split, B, seed=6).batch(11)[0] != x).any()


def test_images_are_exact_255ths():
    split = make_split(256)
    x, y = Batches(split, 256, shuffle=False)[0]
    assert (x.dtype, y.dtype) == (np.float32, np.int32)
    exact = (np.arange(256, dtype=np.float64) / 255).astype(np.float32)
    np.testing.assert_array_equal(x[:, 0, 0, 0], exact)
    assert split.images.dtype == np.uint8


def test_evaluation_keeps_order_and_the_partial_batch(recorder):
    batches = Batches(make_split(N), B, shuffle=False)
    assert len(batches) == S + 1
    rows = np.concatenate([rows_of(x) for x, _ in batches])
    assert rows.tolist() == list(range(N))
    for _ in range(2):
        recorder.evaluate(batches, verbose=0)
    rows = np.concatenate([r for r, _ in recorder.seen])
    assert rows.tolist() == 2 * list(range(N))


@pytest.mark.parametrize("first", [0, S + 2])
def test_tf_dataset_gives_the_same_training_batches(first):
    batches = Batches(make_split(N), B, seed=2)
    dataset = batches.tf_dataset(first)
    assert dataset.element_spec[0].shape == (B, 1, 1, 3)
    for step, (x, y) in zip(
        range(first, first + 2 * S), dataset.as_numpy_iterator(), strict=False
    ):
        np.testing.assert_array_equal(x, batches.batch(step)[0])
        np.testing.assert_array_equal(y, batches.batch(step)[1])


def test_tf_dataset_for_evaluation_ends():
    dataset = Batches(make_split(N), B, shuffle=False).tf_dataset()
    rows = [rows_of(x) for x, _ in dataset.as_numpy_iterator()]
    assert np.concatenate(rows).tolist() == list(range(N))


def test_index_beyond_the_epoch_is_refused():
    batches = Batches(make_split(N), B).starting_at(2)
    assert len(batches) == S - 2
    for index in (-1, S - 2):
        with pytest.raises(IndexError):
            batches[index]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1. Received: 0"),
        ({"batch_size": 46}, "`batch_size` must be at most 45, .* toy/train"),
        ({"batch_size": 8, "seed": -1}, "`seed` must be at least 0"),
        ({"batch_size": 8, "first_step": -1}, "`first_step`"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Batches(make_split(N), **options)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_parts_are_the_batch_without_gaps_or_overlap(shuffle, count):
    batches = Batches(make_split(N), B, seed=3, shuffle=shuffle)
    for step in range(batches.steps_per_epoch):
        parts = [batches.part(step, i, count) for i in range(count)]
        sizes = [len(y) for _, y in parts]
        assert max(sizes) - min(sizes) <= 1
        for whole, *cut in zip(batches.batch(step), *parts, strict=True):
            np.testing.assert_array_equal(np.concatenate(cut), whole)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_process_reads_the_parts_of_its_replicas(shuffle):
    """A first step in an epoch, two replicas a process, epochs without end."""
    batches = Batches(make_split(N), B, seed=3, shuffle=shuffle)
    batches = batches.starting_at(2)
    parts = batches.part_dataset(range(2, 4), 4).as_numpy_iterator()
    for step in range(2, 2 * batches.steps_per_epoch):
        for index in (2, 3):
            x, y = next(parts)
            same_x, same_y = batches.part(step, index, 4)
            np.testing.assert_array_equal(x, same_x)
            np.testing.assert_array_equal(y, same_y)


def test_a_training_batch_has_an_image_for_each_replica():
    batches = Batches(make_split(N), 2)
    with pytest.raises(ValueError, match="number of replicas, 3"):
        batches.part_dataset(range(1), 3)
