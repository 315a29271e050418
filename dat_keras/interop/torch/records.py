"""Tensor records of a checkpoint: dtype, shape and place, not read yet."""

from __future__ import annotations

import math
from dataclasses import dataclass

DTYPES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
"""NumPy's types, by PyTorch's class of storages."""


@dataclass(frozen=True)
class Storage:
    """Numbers that lie in a file of their own.

    Args:
        dtype: A value of `DTYPES`.
        key: Name of the file.
        count: How many numbers.
    """

    dtype: str
    key: str
    count: int


@dataclass(frozen=True)
class TensorRecord:
    """A view of a storage; offset and strides count numbers, not bytes.

    Args:
        storage: Where its numbers are.
        offset: Position of the first.
        shape: Its shape.
        strides: Distance of neighbours along each axis.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuses a view that leaves its storage or repeats it."""
        numbers = (self.offset, *self.shape, *self.strides)
        if any(type(n) is not int or n < 0 for n in numbers):
            raise ValueError("a tensor has no plain shape")
        if len(self.shape) != len(self.strides) or len(self.shape) > 8:
            raise ValueError("a tensor has no plain shape")
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((n - 1) * s for n, s in steps)
        # Strides of zero would make much memory of few bytes.
        count = self.storage.count
        if math.prod(self.shape) > count or last >= max(count, 1):
            raise ValueError("a tensor reaches beyond its storage")
