"""Times a convolution and its input gradient, direct and by Winograd.

python -m benchmarks.convolutions
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import click

from dat_keras.utils.runtime import use_fast_kernels

LAYERS = (
    ("float32", 32, 4, 512),
    ("float32", 128, 4, 512),
    ("float32", 32, 8, 256),
    ("float32", 128, 8, 256),
    ("float32", 32, 8, 640),
    ("float32", 32, 16, 320),
    ("float32", 32, 16, 128),
    ("float32", 32, 32, 64),
    ("bfloat16", 32, 4, 512),
    ("bfloat16", 128, 4, 512),
    ("bfloat16", 32, 4, 256),
    ("bfloat16", 32, 8, 256),
    ("bfloat16", 32, 8, 640),
)
"""Type, batch, side and channels: of ResNet-18's stages, of WRN-34-10's last
two, and of what is just not chosen."""


def both_ways(
    dtype: str, batch: int, side: int, channels: int
) -> dict[str, Callable]:
    """A pass forward and back, as the library does it and as we do."""
    import tensorflow as tf

    from dat_keras.kernels.winograd import TILES

    tiles = TILES[dtype]
    x = tf.cast(tf.random.normal((batch, side, side, channels)), dtype)
    kernel = tf.random.normal((3, 3, channels, channels)) / channels

    def graph(convolution: Callable, kernel: tf.Tensor) -> Callable:
        @tf.function(autograph=False)
        def passes(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                y = convolution(x, kernel)
            return tape.gradient(y, x, y)

        return lambda: passes(x, kernel)

    return {
        "direct": graph(
            lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), tf.cast(kernel, dtype)
        ),
        "winograd": graph(
            tiles.convolve, tf.cast(tiles.transform(kernel), dtype)
        ),
    }


def milliseconds(passes: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Medians, the ways taking turns after three rounds of warming up."""
    found: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(rounds + 3):
        for name, run in passes.items():
            began = time.perf_counter()
            run()
            found[name].append(1e3 * (time.perf_counter() - began))
    return {name: statistics.median(ms[3:]) for name, ms in found.items()}


@click.command()
@click.option("--rounds", default=15, show_default=True)
def main(rounds: int) -> None:
    """Measures every layer, and writes the table."""
    use_fast_kernels()
    from benchmarks.results import keep, show

    keys = ("dtype", "batch", "side", "channels")
    for layer in LAYERS:
        row: dict = dict(zip(keys, layer, strict=True))
        row["ms"] = milliseconds(both_ways(*layer), rounds)
        keep("convolutions", keys, row)
    show(
        "convolutions",
        {
            "type": lambda row: row["dtype"],
            "batch, side, channels": lambda row: (
                f"{row['batch']}, {row['side']}, {row['channels']}"
            ),
            "direct, ms": lambda row: f"{row['ms']['direct']:.1f}",
            "Winograd, ms": lambda row: f"{row['ms']['winograd']:.1f}",
            "times as fast": lambda row: (
                f"{row['ms']['direct'] / row['ms']['winograd']:.2f}"
            ),
        },
    )


if __name__ == "__main__":
    main()
