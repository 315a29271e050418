"""The machine and how fast it multiplies matrices."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import tensorflow as tf

from dat_keras.versions import versions


def describe() -> dict[str, str]:
    """Processor, cores, memory and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    values = dict(
        (part.strip() for part in line.split(":", 1))
        for line in lines
        if ":" in line
    )
    flags = values.get("flags", "").split()
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return {
        "processor": values.get("model name", platform.processor()),
        "cores": str(len(os.sched_getaffinity(0))),
        "vector units": ", ".join(f for f in known if f in flags),
        **versions(),
    }


def matmul_peak(size: int = 2048, rounds: int = 7) -> float:
    """GFLOP/s of a large float32 matrix product, the best of some."""
    a = tf.random.normal((size, size))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    product()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        float(product())
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9
