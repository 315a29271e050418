"""Rematerialisation: cheap activations are recomputed in the backward pass.

A training pass keeps what its backward pass will read. Outputs of cheap layers
are freed here, and recomputed from tensors that are kept in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import tensorflow as tf


@dataclass
class Activation:
    """A tensor with a recipe to recompute it.

    Args:
        value: The tensor.
        recompute: Returns the tensor from others that are kept in any case.
            Default: this one is kept.
    """

    value: tf.Tensor
    recompute: Callable[[], tf.Tensor] | None = None
    _recomputed: tf.Tensor | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(
        cls, cheap: Callable[..., tf.Tensor], *inputs: Activation
    ) -> Activation:
        """Returns a cheap function's output, recomputed by a second call.

        Args:
            cheap: A function of tensors.
            *inputs: What it reads.
        """
        return cls(
            cheap(*(x.value for x in inputs)),
            lambda: cheap(*(x.recomputed() for x in inputs)),
        )

    def recomputed(self) -> tf.Tensor:
        """Returns the tensor for a backward pass, computed once for all uses.

        To be called where operations wait for an upstream gradient: otherwise
        it is computed at once, and occupies memory as if it had been kept.
        """
        if self.recompute is None:
            return self.value
        if self._recomputed is None:
            self._recomputed = self.recompute()
        return self._recomputed


@dataclass
class GradientOrder:
    """Makes the gradients of many calls run one after the other.

    What one of them recomputed is then freed before the next one begins.
    """

    latest: list[tf.Tensor] = field(default_factory=list)


def call_twice(
    function: Callable[..., list[tf.Tensor]],
    weights: Sequence[tf.Tensor],
    inputs: Sequence[Activation],
    order: GradientOrder,
) -> list[tf.Tensor]:
    """Calls a function that the backward pass calls a second time.

    None of its intermediate results is kept.

    Args:
        function: Takes `weights`, then the tensors of `inputs`. What a
            gradient does not need of it drops out of the graph.
        weights: Tensors that are kept.
        inputs: What it reads.
        order: Shared by all calls that are differentiated together.

    Returns:
        The tensors that the function returns.

    Example:
    >>> x, w = tf.constant([1.0, 2.0]), tf.constant(3.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(w)
    ...     squared = Activation.of(tf.square, Activation(x))
    ...     scaled = lambda w, a: [w * a]
    ...     (y,) = call_twice(scaled, [w], [squared], GradientOrder())
    >>> float(tape.gradient(y, w))
    5.0
    """

    @tf.custom_gradient
    def run(*tensors: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
            with tf.control_dependencies([*upstream, *order.latest]):
                again = [tf.identity(w) for w in tensors[: len(weights)]]
                again += [tf.identity(x.recomputed()) for x in inputs]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(again)
                outputs = function(*again)
            gradients = tape.gradient(outputs, again, list(upstream))
            order.latest = gradients
            return gradients

        return function(*tensors), gradient

    return run(*weights, *(x.value for x in inputs))


def rectified(x: Activation) -> Activation:
    """Returns `relu(x)`, whose gradient reads its output.

    The output is recomputed if `x` is, and kept otherwise.

    Example:
    >>> rectified(Activation(tf.constant([-1.0, 1.0]))).value.numpy()
    array([0., 1.], dtype=float32)
    """
    if x.recompute is None:
        return Activation(tf.nn.relu(x.value))

    @tf.custom_gradient
    def relu(value: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            with tf.control_dependencies([upstream]):
                features = y.recomputed()
            return tf.raw_ops.ReluGrad(gradients=upstream, features=features)

        return tf.nn.relu(value), gradient

    y = Activation(relu(x.value), lambda: tf.nn.relu(x.recomputed()))
    return y
