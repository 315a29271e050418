"""Times a training step of ours and of the PyTorch peer, in turn.

    python -m benchmarks.steps --net resnet8 --batch-size 128
    python -m benchmarks.steps --memory ours   # peak memory of one side

Both run in one process with the same number of threads and alternate step by
step, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from dat_keras.startup import use_fast_kernels

RESULTS = Path(__file__).parent / "results" / "steps.json"

Step = Callable[[], float]


def batch_of(size: int, side: int = 32, classes: int = 10) -> tuple:
    """Random images and labels."""
    rng = np.random.default_rng(0)
    x = rng.random((size, side, side, 3), np.float32)
    return x, rng.integers(0, classes, size).astype(np.int32)


def our_step(
    net: str, method: str, size: int, jit: bool = False, **changes: object
) -> Step:
    """A step of ours on a fixed batch."""
    from benchmarks.ours import make_step, objective_of

    x, y = batch_of(size)
    run = make_step(net, objective_of(method, **changes), jit_compile=jit)
    return lambda: run(x, y)


def peer_step(net: str, method: str, size: int) -> Step:
    """A step of the peer on the same batch."""
    import torch

    from benchmarks.torch_peer import Peer

    images, labels = batch_of(size)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    y, peer = torch.from_numpy(labels).long(), Peer(net)
    return lambda: peer.step(method, x, y)


def paired(
    steps: dict[str, Step], rounds: int, warm: int
) -> dict[str, list[float]]:
    """Seconds of each step, taken in turn after some warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        for _ in range(warm):
            step()
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def threads(count: int) -> None:
    """Gives both frameworks the same number of threads."""
    import tensorflow as tf
    import torch

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
    torch.set_num_threads(count)


def peak_megabytes() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(net: str, method: str, size: int, seconds: dict) -> dict:
    """Medians and the ratio of one comparison."""
    medians = {k: statistics.median(v) for k, v in seconds.items()}
    found = {"net": net, "method": method, "batch": size, "seconds": medians}
    found["rounds"] = len(seconds["ours"])
    return found | {
        "ratio": {k: medians["peer"] / v for k, v in medians.items()}
    }


def keep(found: dict) -> None:
    """Prints a row, and puts it in place of an older one of its kind."""
    from benchmarks.machine import describe, matmul_peak

    print(json.dumps(found), flush=True)
    found |= {"machine": describe(), "matmul_gflops": matmul_peak()}
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    rows = [r for r in rows if _kind(r) != _kind(found)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([*rows, found], indent=1) + "\n")


def _kind(row: dict) -> tuple:
    kernels = row["machine"]["TF_ENABLE_ONEDNN_OPTS"]
    return row["net"], row["method"], row["batch"], kernels


@click.command()
@click.option("--net", default="resnet8", show_default=True)
@click.option("--batch-size", default=128, show_default=True)
@click.option("--method", "methods", multiple=True, default=("dat",))
@click.option("--rounds", default=5, show_default=True)
@click.option("--warm", default=4, show_default=True)
@click.option("--threads", "count", default=2, show_default=True)
@click.option("--fused/--no-fused", help="Time DAT's fused update too.")
@click.option("--jit/--no-jit", help="Time the compiled step too.")
@click.option("--memory", type=click.Choice(["ours", "peer"]), default=None)
def main(
    net: str,
    batch_size: int,
    methods: tuple[str, ...],
    rounds: int,
    warm: int,
    count: int,
    fused: bool,
    jit: bool,
    memory: str | None,
) -> None:
    """Prints one JSON line for each method."""
    use_fast_kernels()
    threads(count)
    make = {"ours": our_step, "peer": peer_step}
    for method in methods:
        if memory:
            before = peak_megabytes()
            step = make[memory](net, method, batch_size)
            for _ in range(warm):
                step()
            print(json.dumps({memory: [before, peak_megabytes()]}))
            continue
        steps = {side: make[side](net, method, batch_size) for side in make}
        if fused and method == "dat":
            steps["fused"] = our_step(net, method, batch_size, update="fused")
        if jit:
            steps["jit"] = our_step(net, method, batch_size, jit=True)
        keep(row(net, method, batch_size, paired(steps, rounds, warm)))


if __name__ == "__main__":
    main()
