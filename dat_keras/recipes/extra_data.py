"""The extra training images of a run, as a recipe records them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from dat_keras.utils.ranges import Range, RangeChecked


@dataclass(frozen=True)
class ExtraData(RangeChecked):
    """Where extra images come from, and how much of each batch they are.

    Args:
        source: An `.npz` file, a folder of images, or the name of a data set;
            `None` for no extra images.
        fraction: Share of each batch that is extra. Default: 0.7, as Wang et
            al. (2023) train on a million generated images of CIFAR-10;
            Carmon et al. (2019) take 0.5.
        labels: A run folder, a `.keras` file or a zoo model that labels
            them; `None` for their own labels.

    Reference:
        [Carmon et al., 2019](https://arxiv.org/abs/1905.13736),
        [Wang et al., 2023](https://arxiv.org/abs/2302.04638).

    Example:
    >>> ExtraData("generated.npz", fraction=70)
    Traceback (most recent call last):
    ...
    ValueError: `fraction` must be in (0, 1]. Received: fraction=70
    """

    source: str | None = None
    fraction: Annotated[float, Range(0.0, 1.0, above=True)] = 0.7
    labels: str | None = None

    def check(self) -> None:
        """Refuses settings that have no effect.

        Raises:
            ValueError: If there are no images for a fraction or a labeller.
        """
        if self.source is None and self != ExtraData():
            raise ValueError(
                "`extra.fraction` and `extra.labels` are for the images of "
                f"`extra.source`. Received: {self!r}"
            )
