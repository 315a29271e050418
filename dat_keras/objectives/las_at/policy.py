"""Settings of LAS-AT's strategy: action grid, network, reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from dat_keras.architectures import ARCHITECTURES
from dat_keras.attacks import Attack
from dat_keras.core.replicas import built_for_several
from dat_keras.objectives.las_at.strategy import Grids, Reward, Strategy
from dat_keras.optimizers import SGD
from dat_keras.utils.ranges import Range, RangeChecked, Weight
from dat_keras.utils.registry import lookup


@dataclass(frozen=True)
class Policy(RangeChecked):
    """The action grid of a strategy, its network, its optimizer, its reward.

    Args:
        architecture: Of the strategy's network. Default: published.
        eps_grid: Radii, in eighths of the attack's: for eps 8/255 in units of
            1/255. Default: 3 to 15, published for LAS-AT on CIFAR-10.
        steps_grid: Numbers of steps. Default: 3 to 14 (CIFAR-100: to 12).
        step_size_grid: Step sizes, in units as `eps_grid`. Default: 1 to 5.
        reward: What the strategy maximizes, and how often it is updated.
        policy_learning_rate: Constant. Default: published.
        policy_momentum: Default: none (CIFAR-100 and LAS-TRADES: 0.9).
        policy_weight_decay: Default: none (CIFAR-100 and LAS-TRADES:
            5e-4).

    Raises:
        ValueError: If the architecture is unknown, or a grid is empty.

    Example:
    >>> Policy(steps_grid=(10,)).step_size_grid
    (1, 2, 3, 4, 5)
    """

    architecture: str = "resnet18"
    eps_grid: tuple[Weight, ...] = tuple(range(3, 16))
    steps_grid: tuple[Annotated[int, Range(1)], ...] = tuple(range(3, 15))
    step_size_grid: tuple[Weight, ...] = tuple(range(1, 6))
    reward: Reward = Reward()
    policy_learning_rate: Weight = 1e-4
    policy_momentum: Annotated[float, Range(0.0, 1.0, below=True)] = 0.0
    policy_weight_decay: Weight = 0.0

    def __post_init__(self) -> None:
        """Refuses an unknown architecture and empty grids."""
        super().__post_init__()
        lookup(ARCHITECTURES, self.architecture, "architecture")
        for name in ("eps_grid", "steps_grid", "step_size_grid"):
            check_grid(name, getattr(self, name))

    def build(
        self,
        image_shape: tuple[int, int, int],
        attack: Attack,
        further: Grids = (),
    ) -> Strategy:
        """Returns the untrained strategy.

        Args:
            image_shape: `(H, W, C)`.
            attack: Measures robust accuracy.
            further: Values of heads beyond radius, steps and step size.
        """
        grids = (self.eps_grid, self.steps_grid, self.step_size_grid, *further)
        shared = {"sync_bn": True} if built_for_several() else {}
        network = ARCHITECTURES[self.architecture](
            sum(len(grid) for grid in grids), input_shape=image_shape, **shared
        )
        optimizer = SGD(
            self.policy_learning_rate,
            self.policy_momentum,
            self.policy_weight_decay,
        )
        return Strategy(network, optimizer, grids, attack, self.reward)


def check_grid(name: str, grid: tuple[float, ...]) -> None:
    """Refuses a grid without values.

    Raises:
        ValueError: Naming the grid.
    """
    if not grid:
        raise ValueError(f"`{name}` must hold at least one value.")
