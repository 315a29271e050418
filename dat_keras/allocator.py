"""Keeps freed memory in the process: half of a CPU step can be page faults."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Parameters of glibc's `mallopt`."""


def keep_freed_memory() -> bool:
    """Tells glibc not to give large freed blocks back to the system.

    TensorFlow's CPU allocator is `malloc`. By default each large activation
    is mapped, zeroed page by page by the kernel, used once and unmapped, at
    every operation of every step. Changes no number. It takes effect only
    once TensorFlow has run a step or two: see the `KeepFreedMemory` callback.

    Returns:
        Whether it was possible: on Linux with glibc.

    Example:
    >>> isinstance(keep_freed_memory(), bool)
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # 32 MB is the largest threshold that glibc takes; a larger one is ignored,
    # and the threshold then stays at 128 kB, which is worse than no call.
    done = (
        mallopt(M_MMAP_THRESHOLD, 32 << 20),
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1),
        mallopt(M_TOP_PAD, 64 << 20),
    )
    return all(done)
