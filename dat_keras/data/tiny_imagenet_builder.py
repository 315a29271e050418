"""TFDS builder of Tiny-ImageNet-200, from the standard archive or folder."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds


class TinyImagenet(tfds.core.GeneratorBasedBuilder):
    """Tiny-ImageNet-200: 64x64 RGB, 500 training images in each class.

    The part `validation` is the archive's `val`, 50 images in each class; its
    `test` folder has no labels and is left out.

    Args:
        source: `tiny-imagenet-200.zip`, or the folder unpacked from it.
        **kwargs: Arguments of the TFDS builder, `data_dir` above all.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, source: Path, **kwargs: Any):
        self._files, self._read = _contents(source)
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        names = sorted(self._text("wnids.txt").split())
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(64, 64, 3), encoding_format="jpeg"
                    ),
                    "label": tfds.features.ClassLabel(names=names),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator]:
        return {
            "train": self._generate_examples(self._train()),
            "validation": self._generate_examples(self._validation()),
        }

    def _generate_examples(
        self, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, wnid in pairs:
            image = io.BytesIO(self._read(self._files[name]))
            yield name, {"image": image, "label": wnid}

    def _train(self) -> Iterator[tuple[str, str]]:
        for name in sorted(self._files):
            folder, _, rest = name.partition("/")
            if folder == "train" and name.endswith(".JPEG"):
                yield name, rest.partition("/")[0]

    def _validation(self) -> Iterator[tuple[str, str]]:
        for line in self._text("val/val_annotations.txt").splitlines():
            image, wnid = line.split("\t")[:2]
            yield f"val/images/{image}", wnid

    def _text(self, name: str) -> str:
        return self._read(self._files[name]).decode()


def _contents(
    source: Path,
) -> tuple[dict[str, str], Callable[[str], bytes]]:
    """Where each file of the standard layout is, and how to read it."""
    read: Callable[[str], bytes]
    if source.is_dir():
        paths = [p.relative_to(source).as_posix() for p in source.rglob("*.*")]
        read = lambda path: (source / path).read_bytes()  # noqa: E731
    else:
        archive = zipfile.ZipFile(source)
        paths, read = archive.namelist(), archive.read
    tops = [p.removesuffix("wnids.txt") for p in paths if _is_list(p)]
    if not tops:
        raise ValueError(
            f"{source} must have the layout of tiny-imagenet-200.zip. "
            "Received: no wnids.txt"
        )
    top = min(tops, key=len)
    return {p.removeprefix(top): p for p in paths if p.startswith(top)}, read


def _is_list(path: str) -> bool:
    return path.rpartition("/")[2] == "wnids.txt"
