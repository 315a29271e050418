"""Image-classification sets of TensorFlow Datasets, by name."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dat_keras.data.array_record import is_random_access, read_array_record
from dat_keras.data.base import DataNotFoundError, Dataset, SplitReaders
from dat_keras.data.central_crop import CentralCrop
from dat_keras.data.lazy_images import fits
from dat_keras.data.split import Split
from dat_keras.data.tfds_download import advice, download

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_BATCH = 1024


@dataclass(frozen=True)
class TFDSImages(Dataset):
    """A data set that TensorFlow Datasets knows.

    Args:
        name: Name in TFDS, with a configuration where it has several:
            `"cifar10"`, `"cifar10_corrupted/fog_1"`.
        crop: Makes images of many sizes one size. Default: a set of many
            sizes is refused.
        in_memory: Whether images are kept in memory; otherwise a batch reads
            its own, which needs a set in ArrayRecord files. Default: whether
            those of a part fit into a quarter of the memory.
        held_out: See `Dataset`.
    """

    name: str
    crop: CentralCrop | None = None
    in_memory: bool | None = None

    def open(self, data_dir: Path | None) -> SplitReaders:
        """Returns the parts; nothing is downloaded if they are prepared.

        Args:
            data_dir: Folder of prepared TFDS sets. Default: TFDS' own.
        """
        import tensorflow_datasets as tfds

        with quiet():
            builder = tfds.builder(self.name, data_dir=data_dir, try_gcs=False)
            if not builder.is_prepared():
                if self.in_memory is False:
                    builder = tfds.builder(
                        self.name,
                        data_dir=data_dir,
                        try_gcs=False,
                        file_format="array_record",
                    )
                download(builder, self.name)
            # The folder says how it is encoded; TFDS' own class only assumes.
            builder = tfds.builder_from_directory(builder.data_path)
        return readers_of(builder, self.name, self.crop, self.in_memory)


def known(name: str, data_dir: Path | None) -> bool:
    """Whether TFDS knows a data set, by its own list or in `data_dir`."""
    import tensorflow_datasets as tfds

    try:
        with quiet():
            tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except ValueError:
        return False
    return True


def readers_of(
    builder: tfds.core.DatasetBuilder,
    name: str,
    crop: CentralCrop | None = None,
    in_memory: bool | None = None,
) -> SplitReaders:
    """Returns the parts of a prepared TFDS set, not read yet.

    Args:
        builder: Builder of the prepared set.
        name: What the set is called in messages.
        crop: See `TFDSImages`.
        in_memory: See `TFDSImages`.

    Raises:
        ValueError: If it has no pairs of one-sized uint8 images and classes.
    """
    import tensorflow_datasets as tfds

    info = builder.info
    try:
        image, label = (info.features[key] for key in info.supervised_keys)
    except (KeyError, TypeError, ValueError):
        image = label = None
    if not (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
    ):
        raise ValueError(
            f"`{name}` is not an image-classification set of TFDS: expected "
            f"pairs of an image and a class. Received: {info.supervised_keys}"
        )
    dtype = np.dtype(image.np_dtype)
    if (None in image.shape and crop is None) or dtype != np.uint8:
        raise ValueError(
            f"`{name}` must hold uint8 images of one size. Received: "
            f"{dtype} of shape {image.shape}"
        )
    read = read_array_record if is_random_access(builder) else _read
    return {
        part: functools.partial(
            read, builder, part, f"{name}/{part}", crop, in_memory
        )
        for part in info.splits
    }


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences absl's warnings and keeps TFDS' own prints off stdout."""
    from absl import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        logging.set_verbosity(before)


def _read(
    builder: tfds.core.DatasetBuilder,
    part: str,
    name: str,
    crop: CentralCrop | None,
    in_memory: bool | None,
) -> Split:
    """Reads a part in TFRecord files, which are read in their order alone."""
    import tensorflow_datasets as tfds

    image, label = builder.info.supervised_keys
    features = builder.info.features
    count = builder.info.splits[part].num_examples
    shape = features[image].shape
    if crop is not None:
        shape = (crop.size, crop.size, shape[-1])
    if not fits((count, *shape), in_memory, share=1.0):
        raise DataNotFoundError(
            f"`{name}` has {count * math.prod(shape) / 1e9:.3g} GB of images "
            "that are to be read one by one, and is prepared as "
            f"{builder.info.file_format.name}, which cannot be. "
            f"{advice(builder.info.full_name.rpartition('/')[0])}"
        )
    images = np.empty((count, *shape), np.uint8)
    labels = np.empty(count, np.int32)
    dataset = builder.as_dataset(
        split=part,
        shuffle_files=False,
        as_supervised=True,
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    if crop is not None:
        dataset = dataset.map(lambda x, y: (crop(x), y))
    start = 0
    for x, y in tfds.as_numpy(dataset.batch(_BATCH)):
        images[start : start + len(x)] = x
        labels[start : start + len(x)] = y
        start += len(x)
    return Split(images, labels, tuple(features[label].names), name)
