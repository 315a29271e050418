"""The union of several norm balls, as the threat model of one attack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from dat_keras.core.random import Key
from dat_keras.core.threat_models import ThreatModel
from dat_keras.core.types import Images, PerExample


@dataclass(frozen=True)
class UnionOfBalls(ThreatModel):
    """`S_1 | S_2 | ...`: balls whose radii grow and shrink together.

    A union is not convex, so it has neither one projection nor one steepest
    direction: an attack runs in its balls. What asks the union itself is
    refused.

    Args:
        eps: Radius of the first ball.
        balls: The balls at `eps = balls[0].eps`; at another `eps` their radii
            change in proportion.

    Example:
    >>> from dat_keras.core.threat_models import L2, Linf
    >>> union = UnionOfBalls(0.25, (Linf(0.5), L2(3.0)))
    >>> union.scaled
    (Linf(eps=0.25), L2(eps=1.5))
    """

    balls: tuple[ThreatModel, ...] = ()

    @property
    def scaled(self) -> tuple[ThreatModel, ...]:
        """The balls at the current `eps`."""
        share = self.eps / self.balls[0].eps
        first, *others = self.balls
        return (
            replace(first, eps=self.eps),
            *(replace(ball, eps=share * ball.eps) for ball in others),
        )

    @property
    def clips_pixels(self) -> bool:
        """Whether the projection of the first ball clips each pixel."""
        return self.balls[0].clips_pixels

    @property
    def ratios(self) -> tuple[float, ...]:
        """Radius of each ball in units of the first one's."""
        return tuple(ball.eps / self.balls[0].eps for ball in self.balls)

    @staticmethod
    def radius_of_box(image_shape: tuple[int, ...]) -> float:
        """Is refused.

        Raises:
            ValueError: Always.
        """
        _refuse()

    def project(self, x_adv: Images, x: Images) -> Images:
        """Is refused.

        Raises:
            ValueError: Always.
        """
        _refuse()

    def steepest(self, grad: Images) -> Images:
        """Is refused.

        Raises:
            ValueError: Always.
        """
        _refuse()

    def random_start(self, x: Images, key: Key) -> Images:
        """Is refused.

        Raises:
            ValueError: Always.
        """
        _refuse()

    def distance(self, x_adv: Images, x: Images) -> PerExample:
        """Is refused.

        Raises:
            ValueError: Always.
        """
        _refuse()


def _refuse() -> NoReturn:
    raise ValueError(
        "This method reads the threat model of its attack itself, and a union "
        "of norms is no single ball: use `+avg`, which trains it in each norm."
    )
