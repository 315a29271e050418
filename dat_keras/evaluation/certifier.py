"""`Certifier`, the interface of certification methods."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import keras

from dat_keras.core.threat_models import ThreatModel, norm_of
from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.context import EvaluationContext


class Certifier(abc.ABC):
    """A method that proves a classifier right on a ball around an image."""

    method: ClassVar[str]
    norm: ClassVar[str]
    """The norm of its balls, a key of `THREAT_MODELS`."""

    @classmethod
    @abc.abstractmethod
    def of(cls, **settings: Any) -> Certifier:
        """Returns the method with settings by name."""

    @abc.abstractmethod
    def check(self, model: keras.Model) -> None:
        """Refuses a classifier that it cannot certify.

        Raises:
            ValueError: With the reason; a layer is named.
        """

    @abc.abstractmethod
    def __call__(self, context: EvaluationContext) -> Certificate:
        """Returns the certificate; `evaluate` fills in the seconds.

        Args:
            context: The classifier, images and settings.
        """

    def check_norm(self, threat_model: ThreatModel) -> None:
        """Refuses balls of another norm.

        Raises:
            ValueError: With the norm to take.
        """
        norm = norm_of(threat_model)
        if norm != self.norm:
            raise ValueError(
                f"{self.method} certifies {self.norm} balls: evaluate with "
                f"norm={self.norm!r}. Received: norm={norm!r}"
            )
