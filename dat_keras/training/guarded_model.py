"""A model whose steps fail with one sentence, compiled by XLA or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from dat_keras.objectives.step import Adversary
from dat_keras.training.batch import Batch, read_batch
from dat_keras.training.counted_model import CountedModel
from dat_keras.training.guards import (
    NOT_FINITE,
    Assertions,
    Flags,
    Guard,
    diverged,
)


class GuardedModel(CountedModel):
    """Raises what the checks of a step found, outside of the step.

    `fit`, `evaluate`, `train_on_batch` and `test_on_batch` all run the
    functions that are wrapped here. A subclass makes what is named here.
    """

    flags: Flags
    image_shape: tuple[int, int, int]
    num_classes: int
    adversary: Adversary
    train_function: Any
    test_function: Any

    @property
    def guard(self) -> Guard:
        """How a step checks, depending on `jit_compile`."""
        return self.flags if self.jit_compile else Assertions()

    @property
    def written(self) -> list[keras.Variable]:
        """Everything that a training step writes."""
        optimizers = self.optimizer, self.adversary.optimizer
        return [
            *self.variables,
            *(v for o in optimizers if o is not None for v in o.variables),
        ]

    def checked(self, data: Any) -> Batch:
        """Returns what `fit` hands to a step, or refuses it."""
        batch = read_batch(data, self.image_shape, self.num_classes)
        return self.guard.checked(batch, self.num_classes)

    def make_train_function(self, force: bool = False) -> Callable:
        """Makes Keras' function of a training step, which raises sentences."""
        return self._made("train_function", super().make_train_function, force)

    def make_test_function(self, force: bool = False) -> Callable:
        """Makes Keras' function of a validation step, likewise."""
        return self._made("test_function", super().make_test_function, force)

    def _made(
        self, name: str, make: Callable[[bool], Any], force: bool
    ) -> Callable:
        """Lets Keras make one of its functions; a new one raises sentences."""
        before = getattr(self, name)
        make(force)
        if getattr(self, name) is not before:
            setattr(self, name, self._raising(getattr(self, name)))
        return getattr(self, name)

    def _raising(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(iterator: Any) -> Any:
            with self._sentences():
                logs = function(iterator)
            if self.jit_compile:
                self.flags.raise_first(self.step)
            return logs

        return run

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Reduces errors of our assertions to their sentence."""
        try:
            yield
        except tf.errors.InvalidArgumentError as error:
            sentence = sentence_of(str(error))
            if sentence is None:
                raise
            if sentence == NOT_FINITE:
                raise diverged(self.step) from None
            raise ValueError(sentence) from None


def sentence_of(message: str) -> str | None:
    """The sentence of an assertion in an error of the graph.

    Args:
        message: The message of TensorFlow's error.

    Returns:
        `None` if it is another error.

    Example:
    >>> sentence_of(
    ...     "Graph execution error: ...\\nassertion failed: [Labels must be:] "
    ...     "[expected [0, 9], received [] [0] [, ] [12] []]\\n\\t [["
    ... )
    'Labels must be: expected [0, 9], received [0, 12]'
    """
    if "The loss is not finite." in message:
        return NOT_FINITE
    found = re.search(r"assertion failed: \[(.*)\](?:\n|$| )", message)
    if found is None:
        return None
    return (
        found[1]
        .replace("] [, ] [", ", ")
        .replace("[] [", "[")
        .replace("] []", "]")
        .replace("] [", " ")
    )
