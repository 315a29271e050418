"""Folders whose images stay in their files give the batches of memory."""

import numpy as np
import pytest
import tensorflow as tf
from toy_splits import make_split

from dat_keras.data import lazy_images, load, load_split
from dat_keras.data.batches import Batches
from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.read_ahead import ReadAhead
from dat_keras.evaluation.samples import first_samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("big") / "pets"
    rng = np.random.default_rng(0)
    for part, count in (("train", 9), ("test", 3)):
        for name in ("cat", "dog"):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (4, 5, 3), np.uint8)
                encoded = tf.io.encode_png(pixels).numpy()
                (root / part / name / f"{i}.png").write_bytes(encoded)
    return str(root)


def both(folder, split, **options):
    return (
        load(folder, split, in_memory=kept, **options) for kept in (True, False)
    )


def test_batches_of_three_epochs_are_those_of_memory(folder):
    kept, lazy = both(folder, "train", batch_size=4, seed=3)
    assert isinstance(lazy.split.images, LazyImages)
    assert isinstance(kept.split.images, np.ndarray)
    # In order, as `fit` reads them, then anywhere.
    for step in (*range(12), 3, 40, 7):
        for a, b in zip(kept.batch(step), lazy.batch(step), strict=True):
            np.testing.assert_array_equal(a, b)


def test_validation_images_samples_and_limits_are_the_same(folder):
    for split, options in (("validation", {}), ("train", {"limit": 5})):
        kept, lazy = (
            load_split(folder, split, in_memory=memory, **options)
            for memory in (True, False)
        )
        np.testing.assert_array_equal(kept.images, lazy.images[:])
        assert kept.labels.tolist() == lazy.labels.tolist()
        assert kept.fingerprint() == lazy.fingerprint()


def test_an_evaluation_reads_the_same_images(folder):
    kept, lazy = (
        first_samples(load_split(folder, "test", in_memory=memory), 5)
        for memory in (True, False)
    )
    assert kept.fingerprint() == lazy.fingerprint()
    assert isinstance(lazy.part(slice(2, 4)).images, LazyImages)
    for a, b in zip(
        kept.part(slice(2, 4)).rows(np.array([1])),
        lazy.part(slice(2, 4)).rows(np.array([1])),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_a_batch_reads_its_own_images_and_two_batches_ahead():
    split, read = make_split(40), []

    def images(rows):
        read.extend(rows)
        return split.images[rows]

    lazy = LazyImages(images, split.image_shape, np.arange(40))
    batches = Batches(
        type(split)(lazy, split.labels, split.class_names, "toy"),
        4,
        shuffle=False,
    )
    batches.batch(0)
    batches._batch._futures[2].result()
    assert sorted(read) == list(range(12))
    batches.batch(1)
    batches._batch._futures[3].result()
    assert sorted(read) == list(range(16))


@pytest.mark.parametrize(("quarter", "kept"), [(360, True), (359, False)])
def test_what_exceeds_a_quarter_of_the_memory_stays_in_files(
    folder, monkeypatch, quarter, kept
):
    # 6 test images of 60 bytes.
    monkeypatch.setattr(lazy_images, "memory_limit", lambda: 4 * quarter)
    images = load_split(folder, "test").images
    assert isinstance(images, np.ndarray) is kept


def test_a_file_of_another_size_is_named_by_the_batch_that_reads_it(tmp_path):
    for i, width in enumerate((4, 4, 5)):
        path = tmp_path / "train" / "a" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((4, width, 3), np.uint8)
        path.write_bytes(tf.io.encode_png(pixels).numpy())
    split = load_split(str(tmp_path), "train", in_memory=False)
    with pytest.raises(ValueError, match=r"2\.png, which is 5x4"):
        Batches(split, len(split), shuffle=False).batch(0)


def test_only_folders_can_stay_in_files():
    with pytest.raises(ValueError, match="a data set named shapes"):
        load_split("shapes", "test", in_memory=False)


def test_an_error_in_a_thread_reaches_the_step():
    def fail(step):
        raise ValueError(f"step {step}")

    with pytest.raises(ValueError, match="step 7"):
        ReadAhead(fail)(7)
