"""Prepared TFDS sets in ArrayRecord files, whose records are read at random.

A set of this format need not fit into memory: a batch reads the records of its
own images. The labels of all of them are read once, in the order of the files,
and kept beside the set where it can be written.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from dat_keras.data.central_crop import CentralCrop
from dat_keras.data.lazy_images import LazyImages, read_if_fits
from dat_keras.data.read_ahead import in_threads
from dat_keras.data.split import Split
from dat_keras.utils.files import write_whole

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

CHUNK = 256
"""Records that are read at once."""


def is_random_access(builder: tfds.core.DatasetBuilder) -> bool:
    """Whether a prepared set is in ArrayRecord files."""
    from tensorflow_datasets.core.file_adapters import FileFormat

    return builder.info.file_format == FileFormat.ARRAY_RECORD


def read_array_record(
    builder: tfds.core.DatasetBuilder,
    part: str,
    name: str,
    crop: CentralCrop | None = None,
    in_memory: bool | None = None,
) -> Split:
    """Reads a part of a prepared set, its images when they are indexed.

    Args:
        builder: Builder of the prepared set.
        part: Name of the part in TFDS.
        name: What the split is called in messages.
        crop: Makes images of many sizes one size.
        in_memory: Whether images are read once and kept. Default: whether
            they fit into a quarter of the memory.
    """
    import tensorflow_datasets as tfds

    image, label = builder.info.supervised_keys
    features = builder.info.features
    source = builder.as_data_source(
        part, decoders={image: tfds.decode.SkipDecoding()}
    )
    records = _Records(source, image, features[image].shape, crop)
    return Split(
        read_if_fits(
            LazyImages(records, records.shape, np.arange(len(source))),
            in_memory,
        ),
        _labels(builder, part, functools.partial(_read_labels, source, label)),
        tuple(features[label].names),
        name,
    )


@dataclass(frozen=True, eq=False)
class _Records:
    """Reads images from records.

    Args:
        source: Records with the encoded bytes of their image.
        key: Name of the image in a record.
        stored: `(H, W, C)` of the images in the files.
        crop: See `read_array_record`.
    """

    source: Any
    key: str
    stored: tuple[int | None, int | None, int]
    crop: CentralCrop | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(H, W, C)` of the images that are returned."""
        height, width, channels = self.stored
        if self.crop is not None:
            height = width = self.crop.size
        return height or 0, width or 0, channels

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Returns images, shape `(len(rows), H, W, C)`, uint8."""
        images = np.empty((len(rows), *self.shape), np.uint8)
        for start in range(0, len(rows), CHUNK):
            chunk = [int(row) for row in rows[start : start + CHUNK]]
            records = self.source.__getitems__(chunk)
            images[start : start + CHUNK] = in_threads(self._decode, records)
        return images

    def _decode(self, record: dict[str, Any]) -> np.ndarray:
        # As TFDS decodes what it reads in order.
        image = tf.io.decode_image(
            record[self.key],
            channels=self.stored[-1],
            expand_animations=False,
        )
        return (self.crop(image) if self.crop else image).numpy()


def _read_labels(source: Any, key: str) -> np.ndarray:
    labels = np.empty(len(source), np.int32)
    for start in range(0, len(source), CHUNK):
        rows = list(range(start, min(start + CHUNK, len(source))))
        labels[rows] = [r[key] for r in source.__getitems__(rows)]
    return labels


def _labels(
    builder: tfds.core.DatasetBuilder,
    part: str,
    read: Callable[[], np.ndarray],
) -> np.ndarray:
    """The labels of a part, from the file beside it if there is one."""
    info = builder.info.splits[part]
    found = [(path.name, path.stat()) for path in info.filepaths]
    # Labels of a set that was prepared again are read again.
    files = [(name, stat.length, stat.mtime) for name, stat in found]
    digest = hashlib.sha256(repr(files).encode()).hexdigest()
    file = builder.data_path / f"dat_keras-labels-{part}-{digest[:16]}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        labels = np.load(file, allow_pickle=False)
        if labels.shape == (info.num_examples,):
            return labels
    labels = read()
    with contextlib.suppress(OSError):
        write_whole(file, lambda stream: np.save(stream, labels))
    return labels
