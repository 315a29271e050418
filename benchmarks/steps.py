"""Times training steps of ours and of the PyTorch peer, in turn.

    python -m benchmarks.steps --net resnet8 --batch-size 128 --method dat
    python -m benchmarks.steps --memory sequential     # one side, one process

All run in one process with the same number of threads and alternate step by
step, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import click

from dat_keras.utils.runtime import use_fast_kernels

Step = Callable[[], float]


def peer_step(net: str, method: str, batch: tuple, device: str) -> Step:
    """A step of the peer on a device of PyTorch's, until it is done there."""
    import torch

    from benchmarks.torch_peer import Peer

    torch.set_default_device(device)
    x = torch.from_numpy(batch[0]).permute(0, 3, 1, 2).to(device)
    y, peer = torch.from_numpy(batch[1]).long().to(device), Peer(net)

    def step() -> float:
        loss = peer.step(method, x, y)
        if device != "cpu":
            torch.cuda.synchronize()
        return loss

    return step


def all_steps(
    net: str, method: str, size: int, device: str = "cpu"
) -> dict[str, Callable]:
    """What makes each step, by name; the peer comes last."""
    from benchmarks.ours import variants
    from dat_keras.profiling.step_cost import random_batch, stepper

    batch = random_batch(size, (32, 32, 3), 10)

    def ours(which: str) -> Step:
        run = stepper(variants(net, method)[which].model())
        return lambda: run(batch)

    makers: dict[str, Callable] = {
        name: lambda name=name: ours(name) for name in variants(net, method)
    }
    return makers | {"peer": lambda: peer_step(net, method, batch, device)}


def paired(steps: dict[str, Step], rounds: int, warm: int) -> dict[str, list]:
    """Seconds of each step, taken in turn after some warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        for _ in range(warm):
            step()
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def threads(count: int) -> None:
    """Gives both frameworks the same number of threads."""
    import tensorflow as tf
    import torch

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
    torch.set_num_threads(count)


def compared(net: str, method: str, size: int, seconds: dict) -> dict:
    """Medians, ratios to the peer, and the rate of the arithmetic."""
    from benchmarks.ours import variants
    from dat_keras.profiling.pass_counts import passes_of_step
    from dat_keras.profiling.step_cost import multiply_adds, random_batch

    medians = {k: statistics.median(v) for k, v in seconds.items()}
    rates = {}
    for name, kind in variants(net, method).items():
        model = kind.model()
        small = random_batch(2, (32, 32, 3), 10)
        units = passes_of_step(model, small).units
        flops = 2.0 * multiply_adds(model.classifier) * size * units
        rates[name] = flops / medians[name] / 1e9
    return {
        "net": net,
        "method": method,
        "batch": size,
        "rounds": len(seconds["peer"]),
        "seconds": medians,
        "ratio": {k: medians["peer"] / v for k, v in medians.items()},
        "gflops": rates,
    }


def check_same_device(device: str) -> None:
    """Refuses to compare a GPU with a processor."""
    import tensorflow as tf

    if bool(tf.config.list_physical_devices("GPU")) != (device == "cuda"):
        raise click.UsageError(
            "TensorFlow and --device must both have a GPU, or neither: "
            'CUDA_VISIBLE_DEVICES="" hides it.'
        )


def show_table(table: str) -> None:
    """Writes the Markdown table of a file of results."""
    from benchmarks.results import show

    def ratios(row: dict) -> str:
        names = [name for name in row["ratio"] if name != "peer"]
        return ", ".join(f"{n} {row['ratio'][n]:.2f}" for n in names)

    def shares(row: dict) -> str:
        peak = row["matmul_gflops"]
        return ", ".join(
            f"{n} {100 * g / peak:.0f} %" for n, g in row["gflops"].items()
        )

    show(
        table,
        {
            "net": lambda row: row["net"],
            "batch": lambda row: row["batch"],
            "method": lambda row: row["method"],
            "peer, s": lambda row: f"{row['seconds']['peer']:.3f}",
            "times as fast": ratios,
            "of the float32 matrix product": shares,
        },
    )


@click.command()
@click.option("--net", default="resnet8", show_default=True)
@click.option("--batch-size", default=128, show_default=True)
@click.option("--method", "methods", multiple=True, default=("dat",))
@click.option("--rounds", default=5, show_default=True)
@click.option("--warm", default=3, show_default=True)
@click.option("--threads", "count", default=2, show_default=True)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Of the peer; ours runs on a GPU where TensorFlow has one.",
)
@click.option("--memory", help="Peak memory of one step, or of `peer`.")
def main(
    net: str,
    batch_size: int,
    methods: tuple[str, ...],
    rounds: int,
    warm: int,
    count: int,
    device: str,
    memory: str | None,
) -> None:
    """Prints one JSON line for each method, and keeps it."""
    use_fast_kernels()
    threads(count)
    from benchmarks.results import keep

    check_same_device(device)
    # Results of a GPU are kept apart.
    table = "steps" if device == "cpu" else "steps_gpu"
    for method in methods:
        makers = all_steps(net, method, batch_size, device)
        if memory:
            keep("memory", *peak_of(net, method, batch_size, memory, makers))
            continue
        steps = {name: make() for name, make in makers.items()}
        row = compared(net, method, batch_size, paired(steps, rounds, warm))
        keep(table, ("net", "method", "batch"), row)
    show_table(table)


def peak_of(
    net: str, method: str, size: int, which: str, makers: dict[str, Callable]
) -> tuple[tuple[str, ...], dict]:
    """Peak memory before and after some steps, in MiB."""
    from dat_keras.profiling.step_timer import peak_memory

    before, step = peak_memory(), makers[which]()
    for _ in range(5):
        step()
    row = {"net": net, "method": method, "batch": size, "side": which}
    row |= {"before": before >> 20, "peak": peak_memory() >> 20}
    return ("net", "method", "batch", "side"), row


if __name__ == "__main__":
    main()
