import hashlib

import numpy as np
import pytest
from toy_splits import make_split

from dat_keras.data.split import Split


def test_split_reports_its_shape():
    split = make_split(10)
    assert (len(split), split.num_classes) == (10, 4)
    assert split.image_shape == (1, 1, 3)
    assert len(split.take(3)) == 3
    np.testing.assert_array_equal(split.take(3).images, split.images[:3])


def test_rows_keeps_images_and_labels_together():
    split = make_split(10).rows(np.array([7, 2]), "two")
    assert split.images[:, 0, 0, 0].tolist() == [7, 2]
    assert split.labels.tolist() == [3, 2]
    assert split.name == "two"


def test_sample_is_the_start_of_one_shuffle():
    split = make_split(300)
    few, many = split.sample(20), split.sample(50)
    np.testing.assert_array_equal(few.images, many.images[:20])
    assert sorted(few.labels[:4]) != few.labels[:4].tolist()
    everything = split.sample(1000)
    assert len(everything) == 300
    assert len(np.unique(everything.images[:, 0, 0, :2], axis=0)) == 300


@pytest.mark.parametrize("label", [-1, 4])
def test_label_out_of_range_is_named(label):
    images = np.zeros((3, 2, 2, 3), np.uint8)
    labels = np.array([0, 3, label])
    with pytest.raises(ValueError) as error:
        Split(images, labels, ("a", "b", "c", "d"), "toy/train")
    assert f"label {label} at row 2 of toy/train" in str(error.value)
    assert "[0, 3]" in str(error.value)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), np.zeros(2, int), "float32"),
        (np.zeros((2, 4, 4), np.uint8), np.zeros(2, int), r"\(2, 4, 4\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(3, int), r"\(3,\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2, float), "float64"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 1), int), r"\(2, 1\)"),
    ],
)
def test_wrong_arrays_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Split(images, labels, ("a",), "toy/train")


def test_fingerprint_depends_on_pixels_labels_and_not_on_label_type():
    split = make_split(6)
    digest = hashlib.sha256(repr(split.images.shape).encode())
    digest.update(split.images.tobytes() + split.labels.tobytes())
    assert split.fingerprint() == digest.hexdigest()
    small = Split(
        split.images, split.labels.astype(np.int32), split.class_names, "x"
    )
    assert small.fingerprint() == split.fingerprint()
    assert split.take(5).fingerprint() != split.fingerprint()
    other = Split(split.images, 3 - split.labels, split.class_names, "x")
    assert other.fingerprint() != split.fingerprint()
