"""Checks of a step: assertions, or under XLA flags and masked updates.

XLA compiles assertions away. There the checks are values: the first that
does not hold is kept in a variable, every update of the step is undone by
`tf.where`, and so are those of all later steps, until the flag is read
outside of the compiled step (`guarded_model.py`), which raises.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import keras
import tensorflow as tf

from dat_keras.core.undo import undone_unless
from dat_keras.training.batch import Batch, asserted, value_checks
from dat_keras.training.descent import Descent
from dat_keras.utils.errors import TrainingDivergedError

NOT_FINITE = "the loss is not finite"


def diverged(step: keras.Variable) -> TrainingDivergedError:
    """The error of a loss that is not finite.

    Args:
        step: Number of steps done.
    """
    return TrainingDivergedError(f"{NOT_FINITE} at step {int(step.numpy())}")


class Guard(abc.ABC):
    """How a step refuses a batch, or a loss that is not finite."""

    @abc.abstractmethod
    def checked(self, batch: Batch, num_classes: int) -> Batch:
        """Returns the batch, which is refused for values out of range."""

    @abc.abstractmethod
    def writing(
        self, descent: Descent, variables: Sequence[keras.Variable]
    ) -> AbstractContextManager[None]:
        """Returns a context for all writes of a step.

        Args:
            descent: Loss and gradients, which must be finite.
            variables: All that is written.
        """


class Assertions(Guard):
    """Operations that fail before anything is written."""

    def checked(self, batch: Batch, num_classes: int) -> Batch:
        """Returns a batch that is read after its assertions."""
        return asserted(batch, value_checks(batch, num_classes))

    @contextmanager
    def writing(
        self, descent: Descent, variables: Sequence[keras.Variable]
    ) -> Iterator[None]:
        """Writes after the assertion that loss and gradients are finite."""
        with tf.control_dependencies([descent.is_finite]):
            yield


class Flags(Guard, keras.metrics.Metric):
    """The first check that did not hold, kept until it is read outside.

    A metric, so that Keras resets it with the others.
    """

    def __init__(self) -> None:
        super().__init__(name="flags")
        # In float32: XLA on a GPU wants int32 variables on the host.
        self.code, self.least, self.most = (
            self.add_variable(
                (), "zeros", aggregation="only_first_replica", name=name
            )
            for name in ("code", "least", "most")
        )
        self._sentences: list[str] = []

    def checked(self, batch: Batch, num_classes: int) -> Batch:
        """Returns the batch as it is, and notes what is wrong about it."""
        for check in value_checks(batch, num_classes):
            sentence = f"{check.what} {check.expected}%g, %g]"
            self._note(check.holds, sentence, check.least, check.most)
        return batch

    @contextmanager
    def writing(
        self, descent: Descent, variables: Sequence[keras.Variable]
    ) -> Iterator[None]:
        """Undoes all writes where any check of this epoch did not hold."""
        total = descent.total
        self._note(tf.math.is_finite(total), NOT_FINITE, total, total)
        with undone_unless(self.code.value == 0.0, variables):
            yield

    def raise_first(self, step: keras.Variable) -> None:
        """Raises what was noted first, if anything; waits for the device.

        Args:
            step: Number of steps done, read for the sentence alone.

        Raises:
            ValueError: For a batch.
            TrainingDivergedError: For a loss or gradient.
        """
        code = int(self.code.numpy())
        if not code:
            return
        sentence = self._sentences[code - 1]
        if sentence == NOT_FINITE:
            raise diverged(step)
        raise ValueError(
            sentence % (float(self.least.numpy()), float(self.most.numpy()))
        )

    def result(self) -> tf.Tensor:
        """Returns the number of the check; 0 if all held."""
        return self.code.value

    def _note(
        self,
        holds: tf.Tensor,
        sentence: str,
        least: tf.Tensor,
        most: tf.Tensor,
    ) -> None:
        if sentence not in self._sentences:
            self._sentences.append(sentence)
        number = float(self._sentences.index(sentence) + 1)
        new = tf.logical_and(self.code.value == 0.0, tf.logical_not(holds))
        for variable, value in (
            (self.least, least),
            (self.most, most),
            (self.code, number),
        ):
            value = tf.cast(value, tf.float32)
            variable.assign(tf.where(new, value, variable.value))
