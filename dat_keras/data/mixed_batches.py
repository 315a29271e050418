"""Training batches with an exact share of extra images.

    E = round(fraction * B)         rows of a batch from the extra images
    R = B - E                       rows of a batch from the real images
    S = floor(N / B)                steps an epoch, N the number of real images

As without extra images an epoch is as many images as the real set has, so a
run of as many epochs costs the same. The real images come in the order that
batches of size R would have, the extra ones in an order of their own, each
once before any comes again. Where in the batch the extra ones stand is drawn.
All of it is a pure function of the seed and the global step.

Reference: [Carmon et al., 2019](https://arxiv.org/abs/1905.13736), with half
of each batch, and [Wang et al., 2023](https://arxiv.org/abs/2302.04638), with
0.7. The published code of the latter counts epochs in the same way; it draws
extra rows with replacement.
"""

from __future__ import annotations

import numpy as np

from dat_keras.data.batches import Batches, order_of
from dat_keras.data.draws import permutation
from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.read_ahead import ReadAhead
from dat_keras.data.split import Split


class MixedBatches(Batches):
    """Batches of real and extra images, for training.

    Args:
        split: The real images; they alone define an epoch.
        extra: The extra images, of the same size and classes.
        fraction: Share of each batch that is extra, in (0, 1].
        batch_size: `B`.
        seed: See `Batches`.
        first_step: See `Batches`.

    Raises:
        ValueError: If image size or number of classes differ, or if there are
            too few images for a batch; if a batch would hold no extra image,
            or below a fraction of 1 no real one.

    Example:
    >>> def of(value, count):
    ...     images = np.full((count, 1, 1, 1), value, np.uint8)
    ...     return Split(images, np.zeros(count, np.int32), ("a",), "toy")
    >>> batches = MixedBatches(of(0, 20), of(255, 50), 0.7, 10)
    >>> [int(batches.batch(step)[0].sum()) for step in range(4)]
    [7, 7, 7, 7]
    >>> batches.steps_per_epoch
    2
    """

    def __init__(
        self,
        split: Split,
        extra: Split,
        fraction: float,
        batch_size: int,
        *,
        seed: int = 0,
        first_step: int = 0,
    ):
        super().__init__(split, batch_size, seed=seed, first_step=first_step)
        if not 0 < fraction <= 1:
            raise ValueError(
                f"`fraction` must be in (0, 1]. Received: {fraction}"
            )
        for what, ours, theirs in (
            ("images of shape", split.image_shape, extra.image_shape),
            ("classes, number", split.num_classes, extra.num_classes),
        ):
            if ours != theirs:
                raise ValueError(
                    f"`extra` must fit {split.name}, which has {what} {ours}. "
                    f"Received: {what} {theirs} in {extra.name}"
                )
        self.extra = extra
        self.fraction = fraction
        self.extra_size = round(fraction * batch_size)
        self.real_size = batch_size - self.extra_size
        if not self.extra_size or (fraction < 1 and not self.real_size):
            raise ValueError(
                "`fraction` must leave an image of either kind in a batch of "
                f"{batch_size}. Received: fraction={fraction}, which is "
                f"{self.extra_size} extra and {self.real_size} real images"
            )
        if len(extra) < self.extra_size:
            raise ValueError(
                f"`extra` must have at least the {self.extra_size} images of "
                f"a batch. Received: {len(extra)} in {extra.name}"
            )
        if isinstance(extra.images, LazyImages):
            self._batch = ReadAhead(self._read)

    def starting_at(self, step: int) -> MixedBatches:
        """Returns the same batches from a global step on."""
        return MixedBatches(
            self.split,
            self.extra,
            self.fraction,
            self.batch_size,
            seed=self.seed,
            first_step=step,
        )

    def _rows(self, step: int) -> np.ndarray:
        """Rows of a batch; those of extra images come after all real ones."""
        is_extra = np.zeros(self.batch_size, bool)
        places = permutation(self.batch_size, self.seed, "extra places", step)
        is_extra[places[: self.extra_size]] = True
        rows = np.empty(self.batch_size, np.int64)
        for kind, first, split, size, purpose in (
            (~is_extra, 0, self.split, self.real_size, "batches"),
            (is_extra, len(self.split), self.extra, self.extra_size, "extra"),
        ):
            rows[kind] = first + self._next(len(split), size, purpose, step)
        return rows

    def _next(
        self, count: int, size: int, purpose: str, step: int
    ) -> np.ndarray:
        """The rows of a step, of the order of its pass over `count` rows."""
        if not size:
            return np.empty(0, np.int64)
        number, position = divmod(step, count // size)
        order = order_of(count, self.seed, purpose, number)
        return order[position * size : (position + 1) * size]

    def _taken(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.split)
        pixels = np.empty((len(rows), *self.split.image_shape), np.uint8)
        labels = np.empty(len(rows), np.int32)
        for split, kind, first in (
            (self.split, rows < count, 0),
            (self.extra, rows >= count, count),
        ):
            if kind.any():
                inside = rows[kind] - first
                pixels[kind] = split.images[inside]
                labels[kind] = split.labels[inside]
        return pixels, labels
