"""Chains of operations on images as single kernels, between two passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import tensorflow as tf

_F = TypeVar("_F", bound=Callable[..., Any])


def fused(function: _F) -> _F:
    """Has a function of tensors compiled by XLA where that pays.

    Between two passes through the classifier an attack reads and writes
    images a few dozen times; compiled, once or twice. On a GPU the function
    is left as it is, for there XLA needs parts of CUDA that many
    installations lack.

    Args:
        function: Of tensors or nests of them; without side effects.

    Example:
    >>> double = fused(lambda x: 2 * x)
    >>> float(double(tf.constant(3.0)))
    6.0
    """
    if tf.config.list_logical_devices("GPU"):
        return function
    compiled = tf.function(_Chain(function), autograph=False, jit_compile=True)
    return cast(_F, compiled)


@dataclass(frozen=True, eq=False)
class _Chain:
    """A function as an object.

    TensorFlow warns of retracing where one place in the code makes many
    functions, and takes objects one by one.
    """

    function: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)
