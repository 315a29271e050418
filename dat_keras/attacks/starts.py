"""First iterates of attacks: random in the ball, near `x`, or `x` itself."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.threat_models import (
    L1,
    L2,
    Linf,
    ThreatModel,
    laplace,
)
from dat_keras.core.types import Images
from dat_keras.utils.ranges import Range, RangeChecked

_NOISE: dict[type[ThreatModel], Callable[[Key, tf.Tensor], tf.Tensor]] = {
    Linf: lambda key, shape: key.uniform(shape, -1.0, 1.0),
    L2: lambda key, shape: key.normal(shape),
    L1: lambda key, shape: laplace(key.uniform(shape, -1.0, 1.0)),
}


@dataclass(frozen=True)
class Start(RangeChecked, abc.ABC):
    """The first iterate of an attack."""

    @abc.abstractmethod
    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns the first iterate; `NormalStart` may leave the box."""

    def scaled(self, ratio: float) -> Start:
        """Returns the start for a ball whose radius is so many times larger.

        Args:
            ratio: Radius of that ball in units of this one's.
        """
        return self


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
    """A random point of a ball in the attack's norm, of a radius of its own.

    Args:
        eps: The radius, in pixel units of `[0, 1]`.

    Example:
    >>> StartInBall(0.5).scaled(2.0)
    StartInBall(eps=1.0)
    """

    eps: Annotated[float | tf.Tensor, Range(0.0)]

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns a random start in the ball."""
        return replace(threat_model, eps=self.eps).random_start(x, key)

    def scaled(self, ratio: float) -> StartInBall:
        """Returns the start in a ball whose radius is in proportion."""
        return StartInBall(self.eps * ratio)


@dataclass(frozen=True)
class SurfaceStart(Start):
    """Noise scaled to a share of `eps`, then clipped to the box.

    Args:
        share: Length of the noise in units of `eps`. Default: APGD's.
    """

    share: Annotated[float | tf.Tensor, Range(0.0)] = 1.0

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns a random point on the surface of a ball around `x`."""
        noise = _NOISE[type(threat_model)](key, tf.shape(x))
        noise = tf.ensure_shape(noise, x.shape)
        length = threat_model.distance(noise, tf.zeros_like(noise))
        noise /= length[:, None, None, None] + 1e-12
        radius = self.share * threat_model.eps
        return tf.clip_by_value(x + radius * noise, 0.0, 1.0)


@dataclass(frozen=True)
class NormalStart(Start):
    """`x + stddev * N(0, 1)` (TRADES, DAT).

    A divergence from the clean prediction has no gradient at `x` itself;
    this noise gives it one.

    Args:
        stddev: Scale of the noise. Default: TRADES' code.
        clip: Whether the first iterate is clipped to `[0, 1]`, as in DAT's
            code for CIFAR. Default: not, as in the codes of TRADES, MART, ST,
            SCARL, DAJAT and of DAT on Tiny-ImageNet; the first gradient is
            then taken a little outside where pixels are black or white.
    """

    stddev: Annotated[float, Range(0.0)] = 0.001
    clip: bool = False

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns `x` with normal noise."""
        start = x + self.stddev * key.normal(tf.shape(x))
        return tf.clip_by_value(start, 0.0, 1.0) if self.clip else start


@dataclass(frozen=True)
class CleanStart(Start):
    """The clean image itself."""

    def __call__(
        self, threat_model: ThreatModel, x: Images, key: Key
    ) -> Images:
        """Returns `x`."""
        return x
