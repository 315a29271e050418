"""Labelled images, as one validated value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from dat_keras.data.draws import permutation
from dat_keras.data.lazy_images import Images, selected


@dataclass(frozen=True, eq=False)
class Split:
    """The images and labels of one split of a data set.

    Args:
        images: Images, shape `(N, H, W, C)`, uint8 in `[0, 255]`, in memory
            or in files.
        labels: Class ids, shape `(N,)`, int32 or int64.
        class_names: One name per class; label `i` is `class_names[i]`.
        name: What the split is called in messages, `"cifar10/train"`.
        files: SHA-256 of the names of the image files, of a folder.

    Raises:
        ValueError: If shapes, types or labels do not fit the above.

    Example:
    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> split = Split(images, np.array([0, 1]), ("cat", "dog"), "pets/train")
    >>> len(split), split.num_classes, split.image_shape
    (2, 2, (8, 8, 3))
    """

    images: Images
    labels: np.ndarray
    class_names: tuple[str, ...]
    name: str
    files: str = ""

    def __post_init__(self) -> None:
        """Checks shapes, types and the range of the labels."""
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(
                "`images` must be uint8 of shape (N, H, W, C). Received: "
                f"{self.images.dtype} of shape {self.images.shape} "
                f"for {self.name}"
            )
        if (
            self.labels.dtype not in (np.int32, np.int64)
            or self.labels.shape != self.images.shape[:1]
        ):
            raise ValueError(
                "`labels` must be int32 or int64 of shape "
                f"({len(self.images)},), one per image. Received: "
                f"{self.labels.dtype} of shape {self.labels.shape} "
                f"for {self.name}"
            )
        outside = (self.labels < 0) | (self.labels >= self.num_classes)
        if outside.any():
            row = int(np.argmax(outside))
            raise ValueError(
                f"`labels` must be in [0, {self.num_classes - 1}], there are "
                f"{self.num_classes} classes. Received: label "
                f"{self.labels[row]} at row {row} of {self.name}"
            )

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.images)

    @property
    def num_classes(self) -> int:
        """Number of classes, whether or not each occurs."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image, `(H, W, C)`."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def take(self, n: int) -> Split:
        """Returns the first `n` images, or all if there are fewer."""
        return self.rows(slice(n))

    def sample(self, n: int) -> Split:
        """Returns the first `n` images of an order that never changes."""
        return self.rows(permutation(len(self), 0, "limit")[:n])

    def rows(self, rows: np.ndarray | slice, name: str | None = None) -> Split:
        """Returns these rows in this order.

        Args:
            rows: Positions, shape `(M,)`, or a slice.
            name: Name of the result. Default: the same name.
        """
        return replace(
            self,
            images=selected(self.images, rows),
            labels=self.labels[rows],
            name=name or self.name,
        )

    def outline(self) -> str:
        """Returns the SHA-256 of labels, image shape and names of files.

        No image is read. See `fingerprint` for the pixels.
        """
        digest = hashlib.sha256(repr((self.image_shape, self.files)).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """Returns the SHA-256 of the pixels and labels, in hexadecimal."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        for start in range(0, len(self), 512):
            images = self.images[start : start + 512]
            digest.update(np.ascontiguousarray(images).data)
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()
