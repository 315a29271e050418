"""TFDS sets in ArrayRecord files give the batches of those in memory."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tfds_folder import prepare

from dat_keras.data import DATASETS, lazy_images, load, load_split
from dat_keras.data.base import DataNotFoundError
from dat_keras.data.central_crop import CentralCrop
from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.tfds_source import TFDSImages

LABELS = "toy_images/1.0.0/dat_keras-labels-*.npy"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same set in files read in order and in files read at random."""
    made = {}
    for file_format in ("tfrecord", "array_record"):
        made[file_format] = tmp_path_factory.mktemp(file_format)
        prepare(
            "toy_images",
            "1.0.0",
            made[file_format],
            file_format=file_format,
        )
    return made


def test_batches_are_those_of_memory_and_of_other_files(folders):
    lazy, kept, ordered = (
        load(
            "toy_images",
            data_dir=folders[file_format],
            batch_size=12,
            seed=3,
            in_memory=in_memory,
        )
        for file_format, in_memory in (
            ("array_record", False),
            ("array_record", True),
            ("tfrecord", True),
        )
    )
    assert isinstance(lazy.split.images, LazyImages)
    assert isinstance(kept.split.images, np.ndarray)
    for step in (*range(5), 40, 7):
        for other in (kept, ordered):
            for a, b in zip(lazy.batch(step), other.batch(step), strict=True):
                np.testing.assert_array_equal(a, b)


def test_splits_and_samples_are_the_same(folders):
    for split, options in (
        ("validation", {}),
        ("test", {}),
        ("train", {"limit": 5}),
    ):
        lazy, kept = (
            load_split(
                "toy_images",
                split,
                data_dir=folders["array_record"],
                in_memory=in_memory,
                **options,
            )
            for in_memory in (False, True)
        )
        assert lazy.fingerprint() == kept.fingerprint()
        assert lazy.class_names == kept.class_names


@pytest.mark.parametrize(("quarter", "kept"), [(30_720, True), (30_719, False)])
def test_what_exceeds_a_quarter_of_the_memory_stays_in_files(
    folders, monkeypatch, quarter, kept
):
    # 10 test images of 3,072 bytes.
    monkeypatch.setattr(lazy_images, "memory_limit", lambda: 4 * quarter)
    split = load_split("toy_images", "test", data_dir=folders["array_record"])
    assert isinstance(split.images, np.ndarray) is kept


def test_labels_are_read_once_and_anew_after_a_new_preparation(
    folders, tmp_path, monkeypatch
):
    def labels():
        split = load_split(
            "toy_images", "test", data_dir=tmp_path, in_memory=False
        )
        return split.labels.tolist()

    shutil.copytree(folders["array_record"], tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob(LABELS):
        path.unlink()
    first = labels()
    (path,) = tmp_path.glob(LABELS)
    np.save(path, np.full(10, 7, np.int32))
    assert labels() == [7] * 10
    path.write_bytes(b"torn")
    assert labels() == first
    np.save(path, np.full(10, 7, np.int32))
    for records in tmp_path.rglob("*-test.array_record-*"):
        os.utime(records, (1, 1))
    assert labels() == first


def test_a_folder_that_cannot_be_written_is_read(folders, monkeypatch):
    def refuse(path, write):
        raise OSError("Read-only file system")

    monkeypatch.setattr("dat_keras.data.array_record.write_whole", refuse)
    for path in folders["array_record"].glob(LABELS):
        path.unlink()
    split = load_split(
        "toy_images",
        "test",
        data_dir=folders["array_record"],
        in_memory=False,
    )
    pixels = split.images[:][:, 0, 0, 0].astype(int)
    np.testing.assert_array_equal(split.labels, pixels % 10)


def test_files_that_are_read_in_order_are_refused(folders, monkeypatch):
    options = {"data_dir": folders["tfrecord"]}
    with pytest.raises(DataNotFoundError) as error:
        load_split("toy_images", "test", in_memory=False, **options)
    message = str(error.value)
    assert "prepared as TFRECORD" in message and "\n" not in message
    assert "file_format='array_record'" in message
    assert "t.builder('toy_images'," in message
    # So are images that would not fit.
    monkeypatch.setattr(lazy_images, "memory_limit", lambda: 30_719)
    with pytest.raises(DataNotFoundError, match="prepared as TFRECORD"):
        load_split("toy_images", "test", **options)
    assert (
        len(load_split("toy_images", "test", in_memory=True, **options)) == 10
    )


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_images_of_many_sizes_are_cropped(file_format, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(
                shape=(None, None, 3), encoding_format="jpeg"
            ),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    prepare("sizes", "1.0.0", tmp_path, features, file_format)
    monkeypatch.setitem(
        DATASETS, "sizes", TFDSImages("sizes", crop=CentralCrop(8, 10))
    )
    images = load_split(
        "sizes",
        "test",
        data_dir=tmp_path,
        in_memory=None if file_format == "tfrecord" else False,
    ).images[:]
    assert images.shape == (10, 8, 8, 3) and images.dtype == np.uint8
    # Each image has one colour, which JPEG keeps but for a rounding.
    assert np.ptp(images, axis=(1, 2)).max() == 0
    assert np.abs(np.sort(images[:, 0, 0, 0]) - np.arange(100, 110)).max() <= 1


def test_the_crop_is_central_and_keeps_the_sides_in_proportion():
    rows, columns = np.meshgrid(np.arange(20), np.arange(28), indexing="ij")
    image = np.stack([rows, columns, 0 * rows], -1).astype(np.uint8)
    same = CentralCrop(6, 20)(tf.constant(image)).numpy()
    np.testing.assert_array_equal(same, image[7:13, 11:17])
    half = CentralCrop(4, 10)(tf.constant(image)).numpy().astype(int)
    centre = np.arange(4) - 1.5
    assert np.abs(half[..., 0].mean(1) - (9.5 + 2 * centre)).max() <= 0.6
    assert np.abs(half[..., 1].mean(0) - (13.5 + 2 * centre)).max() <= 0.6
    with pytest.raises(ValueError, match="shorter=3 and size=4"):
        CentralCrop(4, 3)
