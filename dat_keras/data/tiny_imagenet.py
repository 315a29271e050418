"""Tiny-ImageNet-200, prepared from the archive that the user brings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dat_keras.data.base import DataNotFoundError, Dataset, SplitReaders
from dat_keras.data.tfds_source import quiet, readers_of
from dat_keras.utils.zip_errors import ZIP_ERRORS

ARCHIVE = "tiny-imagenet-200"
"""Name of the standard archive, without `.zip`, and of its folder."""


@dataclass(frozen=True)
class TinyImageNet(Dataset):
    """Tiny-ImageNet-200: 200 classes, 64x64 RGB.

    The archive is prepared as a TFDS set on first use. It is looked for at
    `data_dir/tiny-imagenet-200.zip`, at `data_dir/tiny-imagenet-200` and at
    `data_dir` itself. Its labelled validation images are the test split.
    """

    def open(self, data_dir: Path | None) -> SplitReaders:
        """Returns the parts, prepared before if need be.

        Args:
            data_dir: Folder of prepared TFDS sets. Default: TFDS' own.

        Raises:
            DataNotFoundError: If neither a prepared set nor the archive is
                there, or the archive is damaged.
        """
        import tensorflow_datasets as tfds

        from dat_keras.data.tiny_imagenet_builder import TinyImagenet

        folder = data_dir or Path(tfds.core.constants.DATA_DIR)
        prepared = folder / TinyImagenet.name / str(TinyImagenet.VERSION)
        with quiet():
            if not prepared.is_dir():
                _prepare(_source(folder), folder)
            builder = tfds.builder_from_directory(prepared)
        return readers_of(builder, TinyImagenet.name)


def _prepare(source: Path, folder: Path) -> None:
    import tensorflow_datasets as tfds

    from dat_keras.data.tiny_imagenet_builder import TinyImagenet

    config = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        TinyImagenet(source=source, data_dir=folder).download_and_prepare(
            download_config=config
        )
    except (KeyError, OSError, *ZIP_ERRORS) as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise DataNotFoundError(
            f"{source} could not be read as {ARCHIVE}.zip or the folder "
            f"unpacked from it. Received: {reason}"
        ) from error


def _source(folder: Path) -> Path:
    for source in (folder / f"{ARCHIVE}.zip", folder / ARCHIVE, folder):
        if source.is_file() or (source / "wnids.txt").is_file():
            return source
    raise DataNotFoundError(
        f"`tiny_imagenet` is not prepared in {os.fspath(folder)}, and neither "
        f"{ARCHIVE}.zip nor the folder {ARCHIVE} is there. Download "
        f"http://cs231n.stanford.edu/{ARCHIVE}.zip into that folder"
    )
