"""Data in all its forms, and data that are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.data import Batches, Split
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.samples import batches_of, first_samples

IMAGE = (8, 8, 3)


def pixels():
    rng = np.random.default_rng(0)
    return (
        rng.integers(0, 256, (20, *IMAGE)).astype(np.uint8),
        rng.integers(0, 2, 20),
    )


@pytest.fixture(scope="module")
def sources():
    x, y = pixels()
    split = Split(x, y, ("a", "b"), "toy/test")
    floats = np.divide(x, np.float32(255), dtype=np.float32)
    return {
        "split": split,
        "batches": Batches(split, 8),
        "arrays": (floats, y),
        "dataset": tf.data.Dataset.from_tensor_slices((floats, y)).batch(7),
    }


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("split", "toy/test"),
        ("batches", "toy/test"),
        ("arrays", "arrays"),
        ("dataset", "tf.data"),
    ],
)
def test_all_kinds_of_data_are_the_same_data(sources, source, name):
    samples = first_samples(sources[source], 15)
    x, y = samples.rows(np.arange(15))
    images, labels = pixels()
    assert x.dtype == np.float32 and y.dtype == np.int32
    assert np.array_equal(x, (images[:15] / np.float32(255)).astype("f"))
    assert np.array_equal(y, labels[:15])
    assert samples.name == name and not samples.whole
    assert (
        samples.fingerprint()
        == first_samples(sources["arrays"], 15).fingerprint()
    )
    assert (
        samples.fingerprint()
        != first_samples(sources[source], 14).fingerprint()
    )
    assert (
        first_samples(sources[source], 20).whole
        and first_samples(sources[source]).whole
    )


def test_a_dataset_is_read_no_further_than_needed(sources):
    read = []

    def note(x, y):
        read.append(len(y))
        return y

    dataset = (
        sources["dataset"]
        .repeat()
        .map(lambda x, y: (x, tf.numpy_function(note, [x, y], tf.int64)))
    )
    assert not first_samples(dataset, 20).whole
    assert sum(read) < 60
    with pytest.raises(ValueError, match="infinite `tf.data.Dataset`"):
        first_samples(dataset)


def test_the_last_batch_has_what_remains():
    parts = list(batches_of(np.array([3, 5, 8, 9, 11]), 2))
    assert [rows.tolist() for rows in parts] == [[3, 5], [8, 9], [11]]
    assert list(batches_of(np.array([], int), 2)) == []


X = np.zeros((4, *IMAGE), np.float32)
Y = np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X.astype(np.uint8), Y), "divide uint8 images by 255"),
        ((X + 255, Y), r"values in \[255, 255\]"),
        ((X - 0.5, Y), "move a normalisation into the model"),
        ((X * np.nan, Y), r"values in \[nan, nan\]"),
        ((X[0], Y[:1].repeat(8)), r"of shape \(8, 8, 3\)"),
        ((X, np.eye(4)[Y % 4]), r"`y.argmax\(-1\)` for one-hot"),
        ((X, np.eye(2)[Y]), "`y.argmax"),
        ((X, Y[:3]), r"shape \(4,\)"),
        ((X, Y + 1), r"Labels must be in \[0, 1\]"),
        ((X, Y - 1), r"Labels must be in \[0, 1\]"),
        ((X[:0], Y[:0]), "must hold images"),
        ((X, Y, Y), "a pair"),
        (X, "Received: ndarray"),
        ((X[:, :5], Y), r"takes images of shape \(8, 8, 3\)"),
        (tf.data.Dataset.from_tensor_slices(X).batch(2), "yield batches"),
    ],
)
def test_bad_data_are_refused(linear_model, data, message):
    with pytest.raises(ValueError, match=message):
        evaluate(linear_model, data)


class Own(keras.utils.PyDataset):
    """Batches of two."""

    def __init__(self, batches=3, **parts):
        super().__init__()
        self.count, self.parts = batches, parts

    @property
    def num_batches(self):
        return self.count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        rows = slice(2 * i, 2 * i + 2)
        return (X[rows], Y[rows], *self.parts.values())


def test_a_pydataset_reads_as_its_arrays():
    count = len(X) // 2
    ours = first_samples(Own(count))
    theirs = first_samples((X[: 2 * count], Y[: 2 * count]))
    assert ours.fingerprint() == theirs.fingerprint()
    assert ours.whole
    assert not first_samples(Own(count), 2).whole
    assert len(first_samples(Own(None), 2)) == 2


def test_other_pydatasets_are_refused():
    with pytest.raises(ValueError, match="infinite `PyDataset`"):
        first_samples(Own(None))
    with pytest.raises(ValueError, match=r"\(x, y\)`. Received: .* 3 values"):
        first_samples(Own(1, weight=1.0))


def test_a_column_of_labels_reads_as_a_row():
    column = first_samples((X, Y[:, None]))
    assert column.fingerprint() == first_samples((X, Y)).fingerprint()
