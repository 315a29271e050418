"""MSD: multi steepest descent (Maini, Wong and Kolter, ICML 2020).

    x'_{k+1} = argmax over c_p of l(f(c_p), y)
    c_p = project_p(x'_k + step_p * direction_p(grad l(f(x'_k), y)))

One attack, whose every step is that of the norm which raises the loss most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from dat_keras.core.random import Key
from dat_keras.core.types import Images, PerExample
from dat_keras.objectives.unions.one_attack import OneAttack
from dat_keras.objectives.unions.union_attack import UnionPGD
from dat_keras.objectives.unions.worst import worst


@dataclass(frozen=True)
class SteepestOfNorms(UnionPGD):
    """PGD whose step is, image by image, the best of those in several norms.

    Args:
        threat_model: A `UnionOfBalls`; it starts in the first one.
        loss: What is maximised.
        steps: Number of steps.
        step_size: That of the first norm; the others in proportion.
        start: The first iterate.
        keep: Which iterate is returned.

    Example:
    >>> from dat_keras.attacks import PGD
    >>> from dat_keras.core.threat_models import L2, Linf
    >>> SteepestOfNorms.of(PGD(Linf(0.1)), (Linf(0.1), L2(0.5))).steps
    10

    Reference:
        [Maini et al., 2020](https://arxiv.org/abs/1909.04068)
    """

    def first_iterate(self, x: Images, key: Key) -> Images:
        """Returns the start in the first ball."""
        return self.start(self.union.scaled[0], x, key)

    def advance(
        self,
        grad: Images,
        x_adv: Images,
        x: Images,
        climbed: Callable[[Images], PerExample],
    ) -> Images:
        """Returns of each image the step that raises the loss most."""
        steps = [each.advance(grad, x_adv, x, climbed) for each in self.members]
        return worst(steps, climbed)


@dataclass(frozen=True)
class MSD(OneAttack):
    """One attack on the union, which changes its norm from step to step.

    The paper takes 50 steps from the image itself; here number of steps and
    start are the base's. With three norms and ten steps about twice the time
    of the base method.

    Args:
        base: A method whose `attack` is a `PGD`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf, L2 and L1.

    Example:
    >>> MSD().attack_on_union.steps
    10

    Reference:
        [Maini et al., 2020](https://arxiv.org/abs/1909.04068)
    """

    attack_type: ClassVar[type[UnionPGD]] = SteepestOfNorms
