"""Splits whose pixels spell their own row."""

import numpy as np

from dat_keras.data.split import Split


def make_split(count, num_classes=4, name="toy/train"):
    rows = np.arange(count)
    images = np.stack([rows % 256, rows // 256, rows * 0], -1).astype(np.uint8)
    names = tuple(f"class {i}" for i in range(num_classes))
    return Split(images[:, None, None], rows % num_classes, names, name)


def rows_of(images):
    """The rows that `make_split` spelled, from float images."""
    low, high = (np.rint(images[:, 0, 0, i] * 255) for i in (0, 1))
    return (low + 256 * high).astype(int)
