"""Planted duplicates, exact and near, are found; other images are not."""

import numpy as np

from dat_keras.data.duplicates import NEAR, Duplicates
from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.perceptual_hash import dhash, hamming
from dat_keras.data.shapes import SHAPES, _chunk

LABELS = np.arange(300) % len(SHAPES)
TEST, OWN = (_chunk(name, 0, LABELS) for name in ("test", "train"))


def planted():
    """Own images with test images at 5 and 9, a noisy one at 7."""
    images = OWN.copy()
    images[5], images[9] = TEST[0], TEST[299]
    change = np.random.default_rng(0).integers(-3, 4, TEST[1].shape)
    images[7] = np.clip(TEST[1].astype(int) + 4 + change, 0, 255)
    return images


def test_planted_duplicates_are_found_and_told_apart():
    found = Duplicates.of(planted(), [TEST[:100], TEST[100:]])
    assert found.exact.tolist() == [5, 9]
    assert found.near.tolist() == [7]


def test_nothing_is_found_among_other_images():
    for others in ([TEST], [], [TEST[:0]]):
        found = Duplicates.of(OWN, others)
        assert len(found.exact) == len(found.near) == 0


def test_the_threshold_is_inclusive():
    """Each white pixel of a 9x9 image sets two bits: one to it, one down."""
    white = [(y, x) for y in (2, 4, 6) for x in (2, 4, 6)]
    images = np.zeros((2, 9, 9, 1), np.uint8)
    for image, count in zip(images, (NEAR // 2, NEAR // 2 + 1), strict=True):
        for place in white[:count]:
            image[place] = 255
    black = np.zeros((1, 9, 9, 1), np.uint8)
    assert hamming(dhash(images), dhash(black)).tolist() == [[10], [12]]
    assert Duplicates.of(images, [black]).near.tolist() == [0]


def test_images_in_files_are_read_in_chunks(monkeypatch):
    images, sizes = planted(), []

    def read(rows):
        sizes.append(len(rows))
        return images[rows]

    monkeypatch.setattr("dat_keras.data.duplicates._CHUNK", 64)
    lazy = LazyImages(read, images.shape[1:], np.arange(len(images)))
    found = Duplicates.of(lazy, [TEST])
    assert found.exact.tolist() == [5, 9] and found.near.tolist() == [7]
    assert max(sizes) == 64 and sum(sizes) == len(images)
