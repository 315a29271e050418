"""Which iterate an attack returns: the last, or the first misclassified."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from dat_keras.core.types import Images, Labels, Logits

Kept = tuple[tf.Tensor, ...]
"""Loop state of a rule; empty for a rule that needs none."""


@dataclass(frozen=True)
class Keep(abc.ABC):
    """A rule that picks the returned image among the iterates."""

    may_return_start: ClassVar[bool] = False
    """Whether it may pick the first iterate, which must then be inside."""

    @abc.abstractmethod
    def begin(self, x: Images) -> Kept:
        """Returns the state before the first iterate."""

    @abc.abstractmethod
    def visit(
        self, kept: Kept, x_adv: Images, logits: Logits, y: Labels
    ) -> Kept:
        """Returns the state updated with an iterate and its logits."""

    @abc.abstractmethod
    def choose(self, kept: Kept, x_adv: Images) -> Images:
        """Returns the chosen image; `x_adv` is the last, unvisited iterate."""


@dataclass(frozen=True)
class KeepLast(Keep):
    """The last iterate, as training and the published protocols use it."""

    def begin(self, x: Images) -> Kept:
        """Keeps nothing."""
        return ()

    def visit(
        self, kept: Kept, x_adv: Images, logits: Logits, y: Labels
    ) -> Kept:
        """Keeps nothing."""
        return ()

    def choose(self, kept: Kept, x_adv: Images) -> Images:
        """Returns the last iterate."""
        return x_adv


@dataclass(frozen=True)
class KeepFirstBroken(Keep):
    """The first misclassified iterate if there is one, else the last."""

    may_return_start: ClassVar[bool] = True

    def begin(self, x: Images) -> Kept:
        """Starts with no broken row."""
        return x, tf.zeros(tf.shape(x)[:1], tf.bool)

    def visit(
        self, kept: Kept, x_adv: Images, logits: Logits, y: Labels
    ) -> Kept:
        """Stores the rows that this iterate breaks first."""
        first, broken = kept
        wrong = tf.argmax(logits, -1, output_type=y.dtype) != y
        new = tf.logical_and(wrong, tf.logical_not(broken))
        return _rows(new, x_adv, first), tf.logical_or(broken, wrong)

    def choose(self, kept: Kept, x_adv: Images) -> Images:
        """Returns the broken iterate where one was seen."""
        first, broken = kept
        return _rows(broken, first, x_adv)


def _rows(mask: tf.Tensor, yes: Images, no: Images) -> Images:
    return tf.where(mask[:, None, None, None], yes, no)
