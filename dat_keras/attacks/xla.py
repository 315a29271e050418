"""Operations between two forward passes, compiled by XLA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import tensorflow as tf

_F = TypeVar("_F", bound=Callable[..., Any])


def xla_compiled(function: _F) -> _F:
    """Compiles a function of tensors by XLA, except on a GPU.

    Between two passes through the classifier an attack reads and writes
    images a few dozen times; compiled, once or twice. On a GPU the function
    is returned as it is, since XLA needs parts of CUDA that many
    installations lack.

    Args:
        function: A function of tensors or nests of them, without side effects.

    Example:
    >>> double = xla_compiled(lambda x: 2 * x)
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

    TensorFlow warns of retracing where one line of code makes many
    functions, but not where it wraps many objects.
    """

    function: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)
