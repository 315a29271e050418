"""What the user says of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.interop.torch.names import NAMINGS
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.registry import lookup
from dat_keras.zoo.errors import BadReferenceError


@dataclass(frozen=True)
class Request:
    """What a checkpoint does not say of itself.

    Args:
        architecture: Key of `NAMINGS`.
        num_classes: Number of classes; `None` is that of the weights.
        mean: Mean of each channel, in units of `[0, 1]`; `None` is that of
            the checkpoint's buffers, if it has some.
        std: Standard deviation, likewise.
        dataset: Name of the data set it was trained on.
        norm: Norm of the threat model it was trained for.
        eps: Its radius. Default: 8/255 for `"linf"`, 0.5 for `"l2"`.
        image_size: Height and width of the images.
    """

    architecture: str
    num_classes: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    dataset: str = "unknown"
    norm: str = "linf"
    eps: float | None = None
    image_size: int = 32

    def __post_init__(self) -> None:
        """Refuses what cannot be meant."""
        lookup(NAMINGS, self.architecture, "architecture")
        lookup(DEFAULT_EPS, self.norm, "norm")
        if (self.mean is None) != (self.std is None):
            raise BadReferenceError("give `mean` and `std`, or neither")
        if self.std and min(self.std) <= 0:
            raise ValueError(f"`std` must be positive. Received: {self.std}")
        if self.eps is not None and self.eps <= 0:
            raise ValueError(f"`eps` must be positive. Received: {self.eps}")
