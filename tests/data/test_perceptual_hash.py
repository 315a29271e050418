"""The difference hash against plain loops, and what it is invariant to."""

import numpy as np
import pytest

from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.perceptual_hash import dhash, hamming, nearest


def noise(shape, low=0, high=256, seed=0):
    draw = np.random.default_rng(seed)
    return draw.integers(low, high, shape).astype(np.uint8)


def by_loops(image):
    """The bits of one image, from cell means in exact integers."""
    height, width, channels = image.shape
    weights = (299, 587, 114) if channels == 3 else (1,) * channels
    cells = [[0] * 9 for _ in range(9)]
    for y in range(height * 9):
        for x in range(width * 9):
            pixel = image[y // 9, x // 9]
            grey = sum(int(v) * w for v, w in zip(pixel, weights, strict=True))
            # A cell holds height * width of these ninths.
            cells[y // height][x // width] += grey
    corner = [(y, x) for y in range(8) for x in range(8)]
    right = [cells[y][x] < cells[y][x + 1] for y, x in corner]
    down = [cells[y][x] < cells[y + 1][x] for y, x in corner]
    return [sum(b << (63 - i) for i, b in enumerate(w)) for w in (right, down)]


@pytest.mark.parametrize("shape", [(9, 9, 1), (10, 7, 3), (12, 16, 3)])
def test_hashes_are_those_of_loops(shape):
    images = noise((3, *shape))
    expected = np.array([by_loops(image) for image in images], np.uint64)
    np.testing.assert_array_equal(dhash(images), expected)


def test_a_ramp_has_all_bits_of_its_direction():
    ramp = np.tile(np.arange(18, dtype=np.uint8), (18, 1))[None, ..., None]
    everything = np.uint64(2**64 - 1)
    assert dhash(ramp).tolist() == [[everything, 0]]
    assert dhash(ramp.swapaxes(1, 2)).tolist() == [[0, everything]]
    assert dhash(ramp[:, :, ::-1]).tolist() == [[0, 0]]


def test_brightness_and_contrast_change_no_bit():
    images = noise((50, 32, 32, 3), 0, 100)
    for other in (images + np.uint8(100), images * np.uint8(2)):
        np.testing.assert_array_equal(dhash(other), dhash(images))


def test_noise_changes_few_bits_and_another_image_many():
    # Smooth, as photographs are: noise alone has hardly any cell differences.
    coarse = noise((200, 4, 4, 3), 20, 236).astype(float)
    images = coarse.repeat(8, 1).repeat(8, 2)
    images = (images + np.roll(images, 4, 1) + np.roll(images, 4, 2)) / 3
    noisy = images + noise(images.shape, 0, 9, seed=1) - 4.0
    pair = [dhash(np.rint(x).astype(np.uint8)) for x in (images, noisy)]
    distances = hamming(*pair)
    own = np.diag(distances)
    others = distances[~np.eye(200, dtype=bool)]
    assert np.median(own) <= 10 < 30 < np.median(others)


def test_distances_are_those_of_bit_strings():
    a, b = (
        np.random.default_rng(s).integers(0, 2**63, (5, 2)).astype(np.uint64)
        for s in (0, 1)
    )
    b[0] = ~a[0]
    b[1] = a[2]

    def bits(hashed):
        return "".join(f"{int(word):064b}" for word in hashed)

    expected = [
        [sum(p != q for p, q in zip(bits(x), bits(y), strict=True)) for y in b]
        for x in a
    ]
    assert hamming(a, b).tolist() == expected
    assert hamming(a, b)[0, 0] == 128 and hamming(a, b)[2, 1] == 0
    assert nearest(a, b).tolist() == [min(row) for row in expected]
    assert nearest(a, b[:0]).tolist() == [255] * 5


def test_chunks_and_images_in_files_do_not_matter(monkeypatch):
    images = noise((40, 8, 8, 3))
    lazy = LazyImages(lambda rows: images[rows], (8, 8, 3), np.arange(40))
    whole = dhash(images)
    monkeypatch.setattr("dat_keras.data.perceptual_hash._CHUNK", 7)
    monkeypatch.setattr("dat_keras.data.perceptual_hash._PAIRS", 50)
    np.testing.assert_array_equal(dhash(lazy), whole)
    near = nearest(whole[:30], whole[20:])
    np.testing.assert_array_equal(near, hamming(whole[:30], whole[20:]).min(1))
    assert dhash(images[:0]).shape == (0, 2)
