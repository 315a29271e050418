"""LAS-TRADES: TRADES with a learned attack strategy (CVPR 2022).

min_theta max_psi  E_{a ~ p_psi(x)}  CE(f(x), y) + beta(a) KL(p(x) || p(x'(a)))
x'(a) = PGD from x with the radius, number of steps and step size of a

The strategy network `p_psi` chooses `a` for every image (strategy.py), the
weight of the divergence included.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, cast

from dat_keras.attacks import (
    PGD,
    CrossEntropy,
    KLFromClean,
    NormalStart,
    RandomStart,
)
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network, PerExample
from dat_keras.losses import cross_entropy, kl_divergence
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    logits_of,
    mean_over_views,
)
from dat_keras.objectives.las_at.las_at import strengthened
from dat_keras.objectives.las_at.policy import Policy, check_grid
from dat_keras.objectives.las_at.strategy import ChosenView, Reward, Strategy
from dat_keras.objectives.natural import Natural
from dat_keras.objectives.step import Adversary, Step, Terms, Views
from dat_keras.utils.ranges import Weight


@dataclass(frozen=True)
class WeightedView(ChosenView):
    """A view with one weight of the divergence for each image.

    Args:
        beta: Weights of the divergence, shape `(B,)`.
    """

    beta: PerExample = field(kw_only=True)


PUBLISHED = Policy(
    eps_grid=tuple(range(5, 10)),
    steps_grid=tuple(range(7, 15)),
    step_size_grid=tuple(range(2, 5)),
    reward=Reward(robust=8.0, natural=4.0, loss_cap=20.0, interval=1),
    policy_momentum=0.9,
    policy_weight_decay=5e-4,
)


@dataclass(frozen=True)
class LASTRADES(Objective):
    """TRADES whose attack and weight are set, image by image.

    Args:
        attack: Loss and start of the attack, and what measures the reward.
            Default: that of TRADES.
        policy: Settings of the strategy. Default: published, radii 5 to 9, 7
            to 14 steps of 2 to 4; the reward is this method's loss up to 20,
            plus 8 times the robust and 4 times the natural accuracy; updates
            every step with momentum 0.9 and weight decay 5e-4.
        beta_grid: Weights of the divergence. Default: 5 to 9, published.

    Raises:
        ValueError: If `beta_grid` is empty.

    Example:
    >>> LASTRADES().policy.reward.loss_cap
    20.0

    Reference:
        [Jia et al., 2022](https://arxiv.org/abs/2203.06616)
    """

    attack: PGD = PGD(Linf(8 / 255), KLFromClean(), start=NormalStart())
    policy: Policy = PUBLISHED
    beta_grid: tuple[Weight, ...] = tuple(range(5, 10))
    terms: ClassVar[tuple[str, ...]] = ("natural", "robust")
    weights_examples: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses an empty grid."""
        super().__post_init__()
        check_grid("beta_grid", self.beta_grid)

    def without_attack(self) -> Objective:
        """Returns natural training: the strategy would set other steps."""
        return Natural()

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the strategy network with its optimizer."""
        # Robust accuracy is what PGD on the cross-entropy leaves.
        judge = replace(self.attack, loss=CrossEntropy(), start=RandomStart())
        return self.policy.build(spec.image_shape, judge, (self.beta_grid,))

    def craft(self, step: Step) -> Views:
        """Lets the strategy choose, then attacks the augmented images."""
        strategy = cast(Strategy, step.adversary)
        choices = strategy.choose(step.x, step.key.fold_in("strategy"))
        *strengths, beta = strategy.strengths(choices)
        view = attacked_view(
            strengthened(self.attack, *strengths), step, step.x
        )
        return (
            WeightedView(view.x, view.x_adv, choices=tuple(choices), beta=beta),
        )

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the clean loss and the weighted divergence."""
        (view,) = cast(tuple[WeightedView], views)
        (logits,), (logits_adv,) = logits_of(predict, views)
        robust = view.beta * kl_divergence(logits, logits_adv)
        return {
            "natural": mean_over_views([cross_entropy(logits, y)]),
            "robust": mean_over_views([robust]),
        }
