"""Learning-rate schedules of the number of updates, and their configs."""

from __future__ import annotations

import abc
import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from dat_keras.utils.ranges import Range, RangeChecked, Size


class _Schedule(LearningRateSchedule):
    """A schedule of the number of updates done, configured by its fields."""

    def get_config(self) -> dict[str, object]:
        """Returns the fields."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """Returns the schedule of a configuration; JSON has no tuples."""
        return cls(
            **{
                k: tuple(v) if isinstance(v, list) else v
                for k, v in config.items()
            }
        )


@keras.saving.register_keras_serializable("dat_keras")
@dataclass(frozen=True)
class StepDrop(_Schedule):
    """`initial`, multiplied by `factor` at every boundary passed.

    Keras' `PiecewiseConstantDecay` wants every rate and counts a boundary to
    the step before it; this takes the factor, as recipes state it.

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
    """`initial * (1 + cos(pi * t)) / 2`, with `t = (step - begin) / steps`.

    Args:
        initial: Learning rate of step 0, but for a warm-up.
        steps: Number of steps down to zero.
        hold: Steps between two changes; the length of an epoch makes the
            rate constant within epochs, as OA-AT and DAJAT have it.
        warmup: Number of first steps over which the rate is multiplied by a
            factor that grows to 1 in equal parts, one for each `hold`.
            Default: none.
        begin: First step of the cosine, which is 1 before. Default: 0.

    Example:
    >>> [round(float(Cosine(1.0, 4)(step)), 4) for step in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]
    """

    initial: float
    steps: int
    hold: int = 1
    warmup: int = 0
    begin: int = 0

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Returns the learning rate of the update number `step`, from 0."""
        held = tf.cast(step, tf.int64) // self.hold * self.hold
        begun = tf.cast(held + self.hold, tf.float32) / max(self.warmup, 1)
        share = tf.cast(held - self.begin, tf.float32) / self.steps
        return tf.minimum(begun, 1.0) * _anneal(self.initial, 0.0, share)


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


class ScheduleConfig(RangeChecked, abc.ABC):
    """The shape of a schedule, in epochs; recipes hold one."""

    @abc.abstractmethod
    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> float | LearningRateSchedule:
        """Returns what an optimizer takes as its learning rate."""


@dataclass(frozen=True)
class ConstantConfig(ScheduleConfig):
    """The same learning rate throughout."""

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> float:
        """Returns the learning rate itself."""
        return learning_rate


@dataclass(frozen=True)
class StepDropConfig(ScheduleConfig):
    """`StepDrop` after so many epochs; the default is DAT's for CIFAR.

    Args:
        epochs: Completed epochs at each drop (epochs numbered from 0). A
            fraction drops within an epoch, at a step rounded down.
        factor: Factor of one drop.
    """

    epochs: tuple[Annotated[float, Range(0.0, above=True)], ...] = (100, 110)
    factor: Annotated[float, Range(0.0, 1.0, above=True)] = 0.1

    def __post_init__(self) -> None:
        """Refuses drops that are not in order."""
        super().__post_init__()
        if list(self.epochs) != sorted(set(self.epochs)):
            raise ValueError(
                "`epochs` must grow from drop to drop. "
                f"Received: epochs={self.epochs}"
            )

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> StepDrop:
        """Returns the schedule in steps."""
        boundaries = tuple(int(e * steps_per_epoch) for e in self.epochs)
        return StepDrop(learning_rate, boundaries, self.factor)


@dataclass(frozen=True)
class CosineConfig(ScheduleConfig):
    """`Cosine` over the run: constant within an epoch, the first at the top.

    Args:
        warmup: Number of first epochs in which the rate is multiplied by
            `e / warmup`, with `e` from 1. Default: none.
        after_warmup: Whether the cosine begins after those epochs and spans
            the others, as in OA-AT's code. Default: it spans the whole run.
    """

    warmup: Size = 0
    after_warmup: bool = False

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> Cosine:
        """Returns the schedule in steps."""
        warmup = self.warmup * steps_per_epoch
        begin = warmup if self.after_warmup else 0
        return Cosine(
            learning_rate,
            max(epochs * steps_per_epoch - begin, 1),
            hold=steps_per_epoch,
            warmup=warmup,
            begin=begin,
        )


@dataclass(frozen=True)
class OneCycleConfig(ScheduleConfig):
    """`OneCycle` over the whole run, with the given rate as its peak.

    Args:
        warmup_share: Share of the run that goes up.
    """

    warmup_share: Annotated[float, Range(0.0, 1.0, above=True, below=True)] = (
        0.3
    )

    def build(
        self, learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> OneCycle:
        """Returns the schedule in steps."""
        return OneCycle(
            learning_rate, epochs * steps_per_epoch, self.warmup_share
        )
