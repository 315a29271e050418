"""SGD as PyTorch defines it, and its config.

Recipes are tuned for PyTorch's rule. Keras' own SGD decouples weight decay from
momentum and keeps the learning rate in its velocity, so that drops come late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from dat_keras.core.keras_private import uses_weight_decay
from dat_keras.optimizers.schedules import ConstantConfig, ScheduleConfig
from dat_keras.utils.ranges import Count, Range, RangeChecked, Weight


# Unregistered, its config would be read back as Keras' own SGD.
@keras.saving.register_keras_serializable("dat_keras")
class SGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent with PyTorch's momentum and weight decay.

    ```python
    g = gradient + weight_decay * w
    v = momentum * v + g
    w = w - learning_rate * (g + momentum * v if nesterov else v)
    ```

    All variables decay, biases and BatchNorm included, but those that
    `exclude_from_weight_decay` named. At a restart `v` is 0 again.

    Args:
        learning_rate: A number, or a schedule of the number of updates done.
        momentum: Share of the velocity kept, in `[0, 1)`. Default: 0.
        weight_decay: Coupled (L2) decay, at least 0. Default: none; the
            recipes use 5e-4.
        nesterov: Whether to look one step ahead.
        restarts: Updates, counted from 0, before which the velocity is
            forgotten. Default: none; OA-AT has one.
        rate_factors: One factor on the learning rate for each variable, in
            the order of `build`: a pretrained body that moves less than its
            new head. Default: 1 for all.
        **kwargs: Further arguments of `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If `momentum` or `weight_decay` is out of range, or a
            factor is negative; at `build`, if there are not as many factors
            as variables.

    Reference:
        [Sutskever et al., 2013](https://proceedings.mlr.press/v28/sutskever13.html).

    Example:
    >>> w = keras.Variable(1.0)
    >>> SGD(0.1, weight_decay=0.5).apply([keras.ops.ones(())], [w])
    >>> print(f"{float(w):.2f}")
    0.85
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        restarts: Sequence[int] = (),
        rate_factors: Sequence[float] = (),
        **kwargs: object,
    ) -> None:
        # The base class must not see the decay: it would decouple it.
        super().__init__(learning_rate, **kwargs)
        if not 0 <= momentum < 1 or weight_decay < 0:
            raise ValueError(
                "`momentum` must be in [0, 1), `weight_decay` at least 0. "
                f"Received: momentum={momentum}, weight_decay={weight_decay}"
            )
        self.momentum = momentum
        self.coupled_weight_decay = weight_decay
        self.nesterov = nesterov
        self.restarts = tuple(restarts)
        self.rate_factors = tuple(float(f) for f in rate_factors)
        if any(not f >= 0.0 for f in self.rate_factors):
            raise ValueError(
                "`rate_factors` must be at least 0. "
                f"Received: rate_factors={self.rate_factors}"
            )

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes one velocity for each variable."""
        if self.built:
            return
        if self.rate_factors and len(self.rate_factors) != len(variables):
            raise ValueError(
                f"`rate_factors` must be one for each of the {len(variables)} "
                "variables that are trained. Received: "
                f"{len(self.rate_factors)} factors"
            )
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")
        self._decays = [uses_weight_decay(self, v) for v in variables]

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: float
    ) -> None:
        """Moves one variable, given its gradient."""
        gradient = tf.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        if self._decays[index]:
            gradient += self.coupled_weight_decay * variable
        velocity = self.velocities[index]
        step = self._kept * velocity + gradient
        self.assign(velocity, step)
        if self.nesterov:
            step = gradient + self.momentum * step
        if self.rate_factors:
            step *= self.rate_factors[index]
        self.assign_sub(variable, tf.cast(learning_rate, step.dtype) * step)

    @property
    def _kept(self) -> float | tf.Tensor:
        """Share of the velocity that this update keeps."""
        if not self.restarts:
            return self.momentum
        now = tf.cast(self.iterations.value, tf.int64)
        restarts = tf.reduce_any(now == tf.constant(self.restarts, tf.int64))
        return tf.where(restarts, 0.0, self.momentum)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of this optimizer."""
        return super().get_config() | {
            "momentum": self.momentum,
            "weight_decay": self.coupled_weight_decay,
            "nesterov": self.nesterov,
            "restarts": self.restarts,
            "rate_factors": self.rate_factors,
        }


@dataclass(frozen=True)
class SGDConfig(RangeChecked):
    """The optimizer of a recipe.

    Args:
        learning_rate: Initial (for one-cycle: highest) learning rate.
        momentum: Momentum. Default: 0.9, that of all recipes.
        weight_decay: Coupled weight decay. Default: DAT's.
        schedule: How the learning rate changes.
        restarts: Completed epochs after which momentum is forgotten.

    Example:
    >>> from dat_keras.optimizers.schedules import StepDropConfig
    >>> config = SGDConfig(0.1, schedule=StepDropConfig((100, 110)))
    >>> config.build(epochs=150, steps_per_epoch=390).learning_rate.shape
    TensorShape([])
    """

    learning_rate: Weight
    momentum: Annotated[float, Range(0.0, 1.0, below=True)] = 0.9
    weight_decay: Weight = 5e-4
    schedule: ScheduleConfig = ConstantConfig()
    restarts: tuple[Count, ...] = ()

    def build(
        self,
        epochs: int,
        steps_per_epoch: int,
        rate_factors: Sequence[float] = (),
    ) -> SGD:
        """Returns the optimizer for a run of this length.

        Args:
            epochs: Epochs of the run.
            steps_per_epoch: Batches an epoch.
            rate_factors: See `SGD`.
        """
        rate = self.schedule.build(self.learning_rate, epochs, steps_per_epoch)
        restarts = [epoch * steps_per_epoch for epoch in self.restarts]
        return SGD(
            rate,
            self.momentum,
            self.weight_decay,
            restarts=restarts,
            rate_factors=rate_factors,
        )
