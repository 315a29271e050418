"""Describes the machine, and measures its speed at matrix products."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import tensorflow as tf

from dat_keras.core.versions import versions
from dat_keras.utils.runtime import cpu_cores

VECTOR_UNITS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""Those units of a processor on which the speed of a step depends."""


def describe(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Returns processor, cores, vector units, GPUs and versions.

    Args:
        cpuinfo: The file in which Linux describes its processor.

    Example:
    >>> int(describe()["cores"]) >= 1
    True
    """
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    pairs = (line.partition(":") for line in lines)
    values = {name.strip(): value.strip() for name, _, value in pairs}
    flags = values.get("flags", "").split()
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "processor": values.get("model name", platform.processor()),
        "cores": str(cpu_cores()),
        "vector units": ", ".join(f for f in VECTOR_UNITS if f in flags),
        "GPUs": str(len(gpus)),
        **versions(),
    }


def matmul_peak(size: int = 2048, rounds: int = 7) -> float:
    """Measures a large float32 matrix product, in GFLOP/s, the best of some.

    Args:
        size: Rows and columns of the factors.
        rounds: Products timed.

    Example:
    >>> matmul_peak(size=64, rounds=1) > 0
    True
    """
    a = tf.random.stateless_normal((size, size), [0, 0])
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    product()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        float(product())
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds) / 1e9
