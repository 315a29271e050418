"""Time from the command to the first optimizer step; the input's share.

python -m benchmarks.startup
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

RUNS = 5


class Stop(Exception):
    """Ends a training that has been watched long enough."""


def watched(folder: Path, steps: int = 30) -> dict[str, float]:
    """Trains the default recipe for some steps, as the command does."""
    from dat_keras import data
    from dat_keras.recipes import resolve
    from dat_keras.training.callbacks import KeepFreedMemory
    from dat_keras.training.train import RunOptions, train

    recipe = resolve({})
    ends: list[float] = []

    class Watch(KeepFreedMemory):
        def on_train_batch_end(self, batch: int, logs: dict | None = None):
            ends.append(time.time())
            if len(ends) == steps:
                raise Stop

    try:
        train(recipe, folder, options=RunOptions(callbacks=[Watch()]))
    except Stop:
        pass
    batches = data.load(
        recipe.dataset,
        batch_size=recipe.batch_size,
        limit=recipe.limit,
    )
    began = time.perf_counter()
    for step in range(steps):
        batches.batch(step)
    return {
        "first": ends[0],
        "step": statistics.median(
            b - a for a, b in zip(ends[5:], ends[6:], strict=False)
        ),
        "input": (time.perf_counter() - began) / steps,
    }


def one_run() -> dict[str, float]:
    """Seconds from the start of a process, and of a step and its batch."""
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.startup", "--child"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "first": found["first"] - began}


@click.command()
@click.option("--child", is_flag=True, hidden=True)
def main(child: bool) -> None:
    """Prints a JSON line with medians, and keeps it."""
    from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

    use_fast_kernels()
    if child:
        quiet_tensorflow(verbose=False)
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(watched(Path(folder) / "run")))
        return
    runs = [one_run() for _ in range(RUNS)]
    row: dict = {"recipe": "dat-shapes-resnet8", "runs": RUNS}
    row |= {k: statistics.median(r[k] for r in runs) for k in runs[0]}
    from benchmarks.results import keep

    keep("startup", ("recipe",), row)


if __name__ == "__main__":
    main()
