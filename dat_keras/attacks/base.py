"""The interface of attacks."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

from dat_keras.core.random import Key
from dat_keras.core.threat_models import ThreatModel
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.utils.ranges import RangeChecked


@dataclass(frozen=True)
class Attack(RangeChecked, abc.ABC):
    """A search for a misclassified image inside a threat model.

    Attacks are values: they hold settings and no state, change no variable,
    and trace into one graph. They see the classifier through `predict` only.

    Args:
        threat_model: The set that the search must stay in.
    """

    caveat: ClassVar[str] = ""
    """One sentence that reports print next to its accuracy; empty for none."""

    stays_in_ball: ClassVar[bool] = True
    """Whether its images lie in the threat model; if not, it is for training
    alone and refused by evaluations."""

    threat_model: ThreatModel

    @property
    def is_single_step(self) -> bool:
        """Whether it takes one gradient step, to which nets may overfit."""
        return False

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses a classifier or images that it does not work on.

        Args:
            classes: Number of classes.
            shape: `(H, W, C)` of the images.

        Raises:
            ValueError: If it does not work on them.
        """

    @abc.abstractmethod
    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns adversarial images for `x`, detached from the gradient.

        Args:
            predict: Maps images to logits, in inference mode.
            x: Clean images, shape `(B, H, W, C)`, in `[0, 1]`.
            y: Labels, shape `(B,)`.
            key: Source of the random draws.
        """
