"""Where an attack starts: uniform noise, a little normal noise, or at x."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.keys import Key
from dat_keras.threat_models import ThreatModel
from dat_keras.types import Images


@dataclass(frozen=True)
class Start(abc.ABC):
    """The first iterate of an attack."""

    @abc.abstractmethod
    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns the first iterate for `x`, inside the box."""


@dataclass(frozen=True)
class RandomStart(Start):
    """A random point of the ball (PGD-AT, all evaluations)."""

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns the threat model's own random start."""
        return threat_model.random_start(x, key)


@dataclass(frozen=True)
class StartInBall(Start):
    """A random point of a ball other than the attack's own.

    Args:
        ball: Where the point is drawn.
    """

    ball: ThreatModel

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns a random start in the ball."""
        return self.ball.random_start(x, key)


@dataclass(frozen=True)
class NormalStart(Start):
    """`x + stddev * N(0, 1)`, clipped to the box (TRADES, DAT).

    A divergence from the clean prediction has no gradient at `x` itself;
    this little noise gives it one.

    Args:
        stddev: Scale of the noise. Default: TRADES' code.
    """

    stddev: float = 0.001

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns `x` with a little normal noise."""
        noise = self.stddev * key.normal(tf.shape(x))
        return tf.clip_by_value(x + noise, 0.0, 1.0)


@dataclass(frozen=True)
class CleanStart(Start):
    """The clean image itself."""

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns `x`."""
        return x
