"""Process settings for TensorFlow: log messages, oneDNN, cores, allocator."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
"""Parameters of glibc's `mallopt`."""
CORES_AN_ARENA = 8
"""Processor cores that share one of glibc's arenas; glibc has 8 a core."""
CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Files in which Linux says how much memory a container may use."""


def use_fast_kernels() -> None:
    """Asks for oneDNN's kernels, unless the environment says otherwise.

    TensorFlow takes them by default only on processors with AVX-512; with
    AVX2 they make a DAT step about 1.5 times as fast. They round differently,
    so a run is resumed with the setting it began with. Call it before
    TensorFlow is imported.

    Example:
    >>> use_fast_kernels()
    >>> os.environ["TF_ENABLE_ONEDNN_OPTS"] in ("0", "1")
    True
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def cpu_cores() -> int:
    """Returns the number of processor cores that this process may use.

    Example:
    >>> cpu_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of_cores(workers: int) -> int:
    """Returns the processor cores of each of several workers.

    Args:
        workers: Number of processes that work at a time.

    Raises:
        ValueError: If there are more workers than cores, or none.

    Example:
    >>> share_of_cores(1) == cpu_cores()
    True
    """
    cores = cpu_cores()
    if not 1 <= workers <= cores:
        raise ValueError(
            f"`workers` must be between 1 and {cores}, the number of processor "
            f"cores. Received: workers={workers}"
        )
    return cores // workers


def quiet_tensorflow(verbose: bool) -> None:
    """Imports TensorFlow and lists its devices, in silence.

    The messages come from C++ before any logger exists, so no setting stops
    all of them; they go to a temporary file, which is shown if the import
    fails. A library must not do this to its user's process; a command may.

    Args:
        verbose: Leave everything as it is.
    """
    if verbose:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_set_aside():
        import tensorflow as tf

        # The search for a GPU has messages of its own.
        tf.config.list_physical_devices()


@contextlib.contextmanager
def _stderr_set_aside() -> Iterator[None]:
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(terminal, log.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


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
    # 32 MB is the largest threshold that glibc takes; a larger one is ignored,
    # and the threshold then stays at 128 kB, which is worse than no call.
    done = (
        _mallopt(M_MMAP_THRESHOLD, 32 << 20),
        _mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1),
        _mallopt(M_TOP_PAD, 64 << 20),
    )
    return all(done)


def share_arenas() -> bool:
    """Gives every eight cores one arena of glibc, instead of eight a core.

    Each arena keeps room for the largest operations that its threads ever ran,
    so with one a thread the memory of a training grows for hours. Changes no
    number. glibc asks once, when a second thread first allocates: call it
    before NumPy and TensorFlow are imported. `MALLOC_ARENA_MAX` and
    `GLIBC_TUNABLES` in the environment are left as they are.

    Returns:
        Whether it was possible: on Linux with glibc, and not set already.

    Example:
    >>> isinstance(share_arenas(), bool)
    True
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if "MALLOC_ARENA_MAX" in os.environ or "malloc.arena_max" in tunables:
        return False
    return _mallopt(M_ARENA_MAX, max(1, cpu_cores() // CORES_AN_ARENA))


def _mallopt(parameter: int, value: int) -> bool:
    """Calls glibc's `mallopt`; without glibc, does nothing."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(parameter, value))


def memory_limit() -> int:
    """Returns the bytes of memory that this process may use.

    The least of the machine's memory and of the limits set on the process
    (`ulimit -v`) and on its container (cgroups).

    Example:
    >>> memory_limit() > 2**20
    True
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append(soft)
    for path in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path(path).read_text()))
    return min(limits)
