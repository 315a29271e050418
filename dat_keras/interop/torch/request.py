"""`Request`: what a user states about a PyTorch checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.interop.torch.names import NAMINGS
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.registry import lookup
from dat_keras.zoo.cards.spec import UNKNOWN_DATASET
from dat_keras.zoo.errors import BadReferenceError


@dataclass(frozen=True)
class Request:
    """Facts that a checkpoint does not contain.

    Args:
        architecture: Key of `NAMINGS`.
        num_classes: Number of classes; `None` is that of the weights.
        mean: Mean of each channel, in units of `[0, 1]`; `None` is that of
            the checkpoint's buffers, if it has some.
        std: Standard deviation, likewise.
        dataset: Name of the data set it was trained on.
        norm: Norm of the threat model it was trained for.
        eps: Its radius. Default: 8/255 for `"linf"`, 0.5 for
            `"l2"`, 12 for `"l1"`.
        image_size: Height and width of the images.
    """

    architecture: str
    num_classes: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    dataset: str = UNKNOWN_DATASET
    norm: str = "linf"
    eps: float | None = None
    image_size: int = 32

    def __post_init__(self) -> None:
        """Refuses what cannot be meant."""
        lookup(NAMINGS, self.architecture, "architecture")
        lookup(DEFAULT_EPS, self.norm, "norm")
        if (self.mean is None) != (self.std is None):
            raise BadReferenceError("give `mean` and `std`, or neither")
        self._check_units()
        if self.std and min(self.std) <= 0:
            raise ValueError(f"`std` must be positive. Received: {self.std}")
        if self.eps is not None and self.eps <= 0:
            raise ValueError(f"`eps` must be positive. Received: {self.eps}")

    def _check_units(self) -> None:
        """Refuses a mean or deviation in units of [0, 255]."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values and max(values) > 1:
                scaled = ",".join(f"{value:g}/255" for value in values)
                near = f" Did you mean {scaled}?" if max(values) <= 255 else ""
                raise ValueError(
                    f"`{name}` must be in [0, 1], as the pixels are.{near} "
                    f"Received: {name}={values}"
                )
        if self.mean and min(self.mean) < 0:
            raise ValueError(
                f"`mean` must be in [0, 1], as the pixels are. "
                f"Received: mean={self.mean}"
            )
