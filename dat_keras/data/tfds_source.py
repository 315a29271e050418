"""Image-classification sets of TensorFlow Datasets, by name."""

from __future__ import annotations

import contextlib
import functools
import socket
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dat_keras.data.base import DataNotFoundError, Dataset, SplitReaders
from dat_keras.data.split import Split

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_PATIENCE = 3.0
_BATCH = 1024


@dataclass(frozen=True)
class TFDSImages(Dataset):
    """A data set that TensorFlow Datasets knows.

    Args:
        name: Name in TFDS, with a configuration where it has several:
            `"cifar10"`, `"cifar10_corrupted/fog_1"`.
        held_out: See `Dataset`.
    """

    name: str

    def open(self, data_dir: Path | None) -> SplitReaders:
        """Returns the parts; nothing is downloaded if they are prepared.

        Args:
            data_dir: Folder of prepared TFDS sets. Default: TFDS' own.
        """
        import tensorflow_datasets as tfds

        with quiet():
            builder = tfds.builder(self.name, data_dir=data_dir, try_gcs=False)
            if not builder.is_prepared():
                _download(builder, self.name)
            # The folder says how it is encoded; TFDS' own class only assumes.
            builder = tfds.builder_from_directory(builder.data_path)
        return readers_of(builder, self.name)


def known(name: str, data_dir: Path | None) -> bool:
    """Whether TFDS knows a data set, by its own list or in `data_dir`."""
    import tensorflow_datasets as tfds

    try:
        with quiet():
            tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except ValueError:
        return False
    return True


def readers_of(builder: tfds.core.DatasetBuilder, name: str) -> SplitReaders:
    """Returns the parts of a prepared TFDS set, not read yet.

    Args:
        builder: Builder of the prepared set.
        name: What the set is called in messages.

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
    if None in image.shape or dtype != np.uint8:
        raise ValueError(
            f"`{name}` must hold uint8 images of one size. Received: "
            f"{dtype} of shape {image.shape}"
        )
    return {
        part: functools.partial(_read, builder, part, f"{name}/{part}")
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


def _read(builder: tfds.core.DatasetBuilder, part: str, name: str) -> Split:
    import tensorflow_datasets as tfds

    image, label = builder.info.supervised_keys
    features = builder.info.features
    count = builder.info.splits[part].num_examples
    images = np.empty((count, *features[image].shape), np.uint8)
    labels = np.empty(count, np.int32)
    dataset = builder.as_dataset(
        split=part,
        batch_size=_BATCH,
        shuffle_files=False,
        as_supervised=True,
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    start = 0
    for x, y in tfds.as_numpy(dataset):
        images[start : start + len(x)] = x
        labels[start : start + len(x)] = y
        start += len(x)
    return Split(images, labels, tuple(features[label].names), name)


def _download(builder: tfds.core.DatasetBuilder, name: str) -> None:
    """Downloads and prepares a set if its host answers."""
    import tensorflow_datasets as tfds

    folder = builder.data_path
    advice = (
        "Prepare it where there is a network: python -c "
        f"\"import tensorflow_datasets as t; t.load('{name}', data_dir='D')\""
        ", then give that folder D as `data_dir` (--data-dir)"
    )
    host = _host(builder)
    if not _answers(host):
        raise DataNotFoundError(
            f"`{name}` is not prepared in {folder}, and {host} does not "
            f"answer. {advice}"
        )
    try:
        # Without this, TFDS asks its mirror first, and retries for minutes.
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        builder.download_and_prepare(download_config=config)
    except (
        OSError,
        AssertionError,
        tfds.download.DownloadError,
        tfds.core.download.download_manager.NonMatchingChecksumError,
    ) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataNotFoundError(
            f"`{name}` is not prepared in {folder}, and its download failed: "
            f"{reason}. {advice}"
        ) from error


def _host(builder: tfds.core.DatasetBuilder) -> str:
    urls = [*(builder.url_infos or ()), builder.info.homepage]
    return urllib.parse.urlsplit(urls[0]).hostname or "www.tensorflow.org"


def _answers(host: str) -> bool:
    """Whether a host, or the proxy before it, answers in three seconds."""
    proxy = urllib.request.getproxies().get("https")
    address = (host, 443)
    if proxy and not urllib.request.proxy_bypass(host):
        parts = urllib.parse.urlsplit(proxy)
        address = (parts.hostname or host, parts.port or 443)
    answered = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=_PATIENCE).close()
            answered.set()

    # The look-up of the name has no time limit of its own, a thread does.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return answered.is_set()
