"""SGD as PyTorch defines it, its learning-rate schedules, and their configs.

Recipes are tuned for PyTorch's rule. Keras' own SGD decouples weight decay from
momentum and keeps the learning rate in its velocity, so that drops come late.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from dataclasses import dataclass

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule


# Unregistered, its config would be read back as Keras' own SGD.
@keras.saving.register_keras_serializable("dat_keras")
class SGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent with PyTorch's momentum and weight decay.

    ```python
    g = gradient + weight_decay * w
    v = momentum * v + g
    w = w - learning_rate * (g + momentum * v if nesterov else v)
    ```

    All variables decay, biases and BatchNorm included.

    Args:
        learning_rate: A number, or a schedule of the number of updates done.
        momentum: Share of the velocity kept, in `[0, 1)`. Default: 0.
        weight_decay: Coupled (L2) decay, at least 0. Default: none; the
            recipes use 5e-4.
        nesterov: Whether to look one step ahead.
        **kwargs: Further arguments of `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If `momentum` or `weight_decay` is out of range.

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

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes one velocity for each variable."""
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: float
    ) -> None:
        """Moves one variable, given its gradient."""
        gradient = tf.cast(gradient, variable.dtype)
        gradient += self.coupled_weight_decay * variable
        velocity = self.velocities[self._get_variable_index(variable)]
        step = self.momentum * velocity + gradient
        self.assign(velocity, step)
        if self.nesterov:
            step = gradient + self.momentum * step
        self.assign_sub(variable, tf.cast(learning_rate, step.dtype) * step)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of this optimizer."""
        return super().get_config() | {
            "momentum": self.momentum,
            "weight_decay": self.coupled_weight_decay,
            "nesterov": self.nesterov,
        }


class _Schedule(LearningRateSchedule):
    """A schedule of the number of updates done, configured by its fields."""

    def get_config(self) -> dict[str, object]:
        """Returns the fields."""
        return dataclasses.asdict(self)


@keras.saving.register_keras_serializable("dat_keras")
@dataclass(frozen=True)
class StepDrop(_Schedule):
    """`initial`, multiplied by `factor` at every boundary passed.

    Args:
        initial: Learning rate of step 0.
        boundaries: First steps of the lower rates.
        factor: Factor of one drop.

    Example:
    >>> [round(float(StepDrop(1.0, (2, 3))(step)), 4) for step in range(4)]
    [1.0, 1.0, 0.1, 0.01]
    """

    initial: float
    boundaries: tuple[int, ...]
    factor: float = 0.1

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Returns the learning rate of the update number `step`, from 0."""
        boundaries = tf.constant(self.boundaries, tf.int64)
        drops = tf.math.count_nonzero(tf.cast(step, tf.int64) >= boundaries)
        return self.initial * tf.pow(self.factor, tf.cast(drops, tf.float32))


@keras.saving.register_keras_serializable("dat_keras")
@dataclass(frozen=True)
class Cosine(_Schedule):
    """`initial * (1 + cos(pi * t)) / 2`, with `t = step / steps`.

    Args:
        initial: Learning rate of step 0.
        steps: Number of steps down to zero.
        hold: Steps between two changes; the length of an epoch makes the
            rate constant within epochs, as OA-AT and DAJAT have it.

    Example:
    >>> [round(float(Cosine(1.0, 4)(step)), 4) for step in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]
    """

    initial: float
    steps: int
    hold: int = 1

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Returns the learning rate of the update number `step`, from 0."""
        held = tf.cast(step, tf.int64) // self.hold * self.hold
        share = tf.cast(held, tf.float32) / self.steps
        return _anneal(self.initial, 0.0, share)


@keras.saving.register_keras_serializable("dat_keras")
@dataclass(frozen=True)
class OneCycle(_Schedule):
    """Half a cosine up to `peak`, another down to almost zero.

    The endpoints and their steps are those of PyTorch's `OneCycleLR`: up from
    `peak / 25`, down to a ten-thousandth of that at the step `steps - 1`.

    Args:
        peak: Highest learning rate.
        steps: Number of steps in all.
        warmup_share: Share of the steps that go up, in `(0, 1)`.

    Reference:
        [Smith and Topin, 2017](https://arxiv.org/abs/1708.07120).

    Example:
    >>> round(float(OneCycle(1.0, 10)(0)), 4), float(OneCycle(1.0, 10)(2))
    (0.04, 1.0)
    """

    peak: float
    steps: int
    warmup_share: float = 0.3

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Returns the learning rate of the update number `step`, from 0."""
        step = tf.cast(step, tf.float32)
        first = self.peak / 25.0
        top, last = self.warmup_share * self.steps - 1.0, self.steps - 1.0
        up = tf.math.divide_no_nan(step, max(top, 0.0))
        return tf.where(
            step <= top,
            _anneal(first, self.peak, up),
            _anneal(self.peak, first / 1e4, (step - top) / (last - top)),
        )


def _anneal(start: float, end: float, share: tf.Tensor) -> tf.Tensor:
    share = tf.clip_by_value(share, 0.0, 1.0)
    return end + (start - end) * 0.5 * (1.0 + tf.cos(math.pi * share))


class ScheduleConfig(abc.ABC):
    """The shape of a schedule, in epochs; recipes hold one."""

    @abc.abstractmethod
    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> float | LearningRateSchedule:
        """Returns what an optimizer takes as its learning rate."""


@dataclass(frozen=True)
class Constant(ScheduleConfig):
    """The same learning rate throughout."""

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> float:
        """Returns the learning rate itself."""
        return learning_rate


@dataclass(frozen=True)
class Drops(ScheduleConfig):
    """`StepDrop` after so many epochs; the default is DAT's for CIFAR.

    Args:
        epochs: Completed epochs at each drop (epochs numbered from 0).
        factor: Factor of one drop.
    """

    epochs: tuple[int, ...] = (100, 110)
    factor: float = 0.1

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> StepDrop:
        """Returns the schedule in steps."""
        boundaries = tuple(epoch * steps_per_epoch for epoch in self.epochs)
        return StepDrop(learning_rate, boundaries, self.factor)


@dataclass(frozen=True)
class CosineDecay(ScheduleConfig):
    """`Cosine` over the run: constant within an epoch, the first at the top."""

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> Cosine:
        """Returns the schedule in steps."""
        return Cosine(learning_rate, epochs * steps_per_epoch, steps_per_epoch)


@dataclass(frozen=True)
class OneCycleDecay(ScheduleConfig):
    """`OneCycle` over the whole run, with the given rate as its peak.

    Args:
        warmup_share: Share of the run that goes up.
    """

    warmup_share: float = 0.3

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> OneCycle:
        """Returns the schedule in steps."""
        return OneCycle(
            learning_rate, epochs * steps_per_epoch, self.warmup_share
        )


@dataclass(frozen=True)
class SGDConfig:
    """The optimizer of a recipe.

    Args:
        learning_rate: Initial (for one-cycle: highest) learning rate.
        momentum: Momentum. Default: 0.9, that of all recipes.
        weight_decay: Coupled weight decay. Default: DAT's.
        schedule: How the learning rate changes.

    Example:
    >>> config = SGDConfig(0.1, schedule=Drops((100, 110)))
    >>> config.build(epochs=150, steps_per_epoch=390).learning_rate.shape
    TensorShape([])
    """

    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: ScheduleConfig = Constant()

    def build(self, epochs: int, steps_per_epoch: int) -> SGD:
        """Returns the optimizer for a run of this length."""
        rate = self.schedule.build(self.learning_rate, epochs, steps_per_epoch)
        return SGD(rate, self.momentum, self.weight_decay)
