"""One process of `benchmarks.scaling`: trains some steps and times them."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path


def loopback() -> int:
    """Bytes that the loopback device has carried."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    (line,) = (x for x in lines if x.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


def main(method: str, images: int, steps: int, width: int) -> None:
    """Prints seconds and bytes of each step of the epochs after the first."""
    from dat_keras.training.distribution import strategy_of

    way = "multiworker" if "TF_CONFIG" in os.environ else "none"
    strategy = strategy_of(way, _to_stderr)

    import keras
    import numpy as np

    from dat_keras.data import Batches
    from dat_keras.data.split import Split
    from dat_keras.recipes import choose
    from dat_keras.training.build import build
    from dat_keras.training.callbacks import KeepFreedMemory

    count = images * strategy.num_replicas_in_sync * steps
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, count).astype(np.int32)
    split = Split(pixels, labels, tuple("abcdefghij"), "noise")
    recipe = replace(
        choose("cifar10", method, "resnet18"),
        width=width,
        batch_size=count // steps,
    )
    with strategy.scope():
        model = build(recipe, (32, 32, 3), 10, steps)

    class Watch(keras.callbacks.Callback):
        """Times the steps of all epochs but the first, which traces."""

        def __init__(self):
            super().__init__()
            self.seconds, self.bytes = [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.carried = loopback()

        def on_train_batch_begin(self, batch, logs=None):
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            self.seconds.append(time.perf_counter() - self.began)

        def on_epoch_end(self, epoch, logs=None):
            if not epoch:
                self.seconds.clear()
                return
            self.bytes.append((loopback() - self.carried) / steps)

    watch = Watch()
    batches = Batches(split, recipe.batch_size)
    model.fit(
        batches,
        epochs=3,
        shuffle=False,
        verbose=0,
        callbacks=[watch, KeepFreedMemory()],  # as `dat-keras train` has it
    )
    weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    found = {"seconds": watch.seconds, "bytes": watch.bytes, "weights": weights}
    print(json.dumps(found))


def _to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    method, *sizes = sys.argv[1:]
    main(method, *map(int, sizes))
