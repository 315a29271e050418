"""MSD: multi steepest descent (Maini, Wong and Kolter, ICML 2020).

    x'_{k+1} = argmax over c_p of l(f(c_p), y)
    c_p = project_p(x'_k + step_p * direction_p(grad l(f(x'_k), y)))

One attack, whose every step is that of the norm which raises the loss most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dat_keras.attacks import PGD
from dat_keras.core.types import Images, Labels, Network, PerExample
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.objectives.unions.union_objective import UnionObjective
from dat_keras.objectives.unions.worst import worst


@dataclass(frozen=True)
class SteepestOfNorms(PGD):
    """PGD whose step is, image by image, the best of those in several norms.

    Args:
        threat_model: Where it starts: the first of the norms.
        loss: What is maximised.
        steps: Number of steps.
        step_size: That of the first norm; the others have their own.
        start: The first iterate.
        keep: Which iterate is returned.
        attacks: PGD in each norm: threat models and step sizes.

    Example:
    >>> from dat_keras.core.threat_models import L2, Linf
    >>> both = PGD(Linf(0.1)), PGD(L2(0.5), step_size=0.1)
    >>> SteepestOfNorms(Linf(0.1), attacks=both).steps
    10

    Reference:
        [Maini et al., 2020](https://arxiv.org/abs/1909.04068)
    """

    attacks: tuple[PGD, ...] = ()

    def advance(
        self,
        grad: Images,
        x_adv: Images,
        x: Images,
        climbed: Callable[[Images], PerExample],
    ) -> Images:
        """Returns of each image the step that raises the loss most."""
        steps = [each.advance(grad, x_adv, x, climbed) for each in self.attacks]
        return worst(steps, climbed)


@dataclass(frozen=True)
class MSD(UnionObjective):
    """One attack on the union, which changes its norm from step to step.

    The paper takes 50 steps from the image itself; here number of steps and
    start are the base's. With three norms and ten steps about twice the time
    of the base method.

    Args:
        base: `PGDAT`, `TRADES` or `MART`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf, L2 and L1.

    Example:
    >>> MSD().steepest.steps
    10

    Reference:
        [Maini et al., 2020](https://arxiv.org/abs/1909.04068)
    """

    @property
    def steepest(self) -> SteepestOfNorms:
        """The attack on the union."""
        first = self.attacks[0]
        return SteepestOfNorms(**vars(first), attacks=self.attacks)

    def craft(self, step: Step) -> Views:
        """Attacks the images on the union."""
        base = replace(self.base, attack=self.steepest)  # type: ignore[call-arg]
        return base.craft(step)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms of the base method."""
        return self.base.loss(predict, views, y)
