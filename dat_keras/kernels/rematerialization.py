"""Activations that a backward pass makes anew instead of keeping.

A training pass keeps what its backward pass will read. What comes out of a
cheap layer is let go here, and made again from what is kept anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import tensorflow as tf


@dataclass
class Activation:
    """What flows from layer to layer.

    Args:
        value: The tensor.
        remake: Returns the tensor from others that are kept in any case.
            Default: this one is kept.
    """

    value: tf.Tensor
    remake: Callable[[], tf.Tensor] | None = None
    _again: tf.Tensor | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(
        cls, cheap: Callable[..., tf.Tensor], *inputs: Activation
    ) -> Activation:
        """Returns what a cheap function makes, remade by calling it again.

        Args:
            cheap: A function of tensors.
            *inputs: What it reads.
        """
        return cls(
            cheap(*(x.value for x in inputs)),
            lambda: cheap(*(x.again() for x in inputs)),
        )

    def again(self) -> tf.Tensor:
        """Returns the tensor for a backward pass, made once for all readers.

        To be called where operations wait for an upstream gradient, or it is
        made at once, and kept as long as if it had never been let go.
        """
        if self.remake is None:
            return self.value
        if self._again is None:
            self._again = self.remake()
        return self._again


@dataclass
class Turns:
    """Lets the gradients of many calls be computed one after the other.

    What one of them remade is then gone before the next one begins.
    """

    latest: list[tf.Tensor] = field(default_factory=list)


def rerun(
    function: Callable[..., list[tf.Tensor]],
    weights: Sequence[tf.Tensor],
    inputs: Sequence[Activation],
    turns: Turns,
) -> list[tf.Tensor]:
    """Calls a function that the backward pass calls again.

    Of what it computes on the way nothing is kept.

    Args:
        function: Takes `weights`, then the tensors of `inputs`. What a
            gradient does not need of it drops out of the graph.
        weights: Tensors that are kept.
        inputs: What it reads.
        turns: Those of all calls that are differentiated together.

    Returns:
        The tensors that the function returns.

    Example:
    >>> x, w = tf.constant([1.0, 2.0]), tf.constant(3.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(w)
    ...     squared = Activation.of(tf.square, Activation(x))
    ...     (y,) = rerun(lambda w, a: [w * a], [w], [squared], Turns())
    >>> float(tape.gradient(y, w))
    5.0
    """

    @tf.custom_gradient
    def run(*tensors: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
            with tf.control_dependencies([*upstream, *turns.latest]):
                again = [tf.identity(w) for w in tensors[: len(weights)]]
                again += [tf.identity(x.again()) for x in inputs]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(again)
                outputs = function(*again)
            gradients = tape.gradient(outputs, again, list(upstream))
            turns.latest = gradients
            return gradients

        return function(*tensors), gradient

    return run(*weights, *(x.value for x in inputs))


def rectified(x: Activation) -> Activation:
    """Returns `relu(x)`, whose gradient reads its output.

    The output is remade if `x` is, and else kept.

    Example:
    >>> rectified(Activation(tf.constant([-1.0, 1.0]))).value.numpy()
    array([0., 1.], dtype=float32)
    """
    if x.remake is None:
        return Activation(tf.nn.relu(x.value))

    @tf.custom_gradient
    def relu(value: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            with tf.control_dependencies([upstream]):
                features = y.again()
            return tf.raw_ops.ReluGrad(gradients=upstream, features=features)

        return tf.nn.relu(value), gradient

    y = Activation(relu(x.value), lambda: tf.nn.relu(x.again()))
    return y
