"""Efficiency of two processes against one, and the bytes that they exchange.

python -m benchmarks.scaling [--method pgd-at] [--images 16] [--steps 4]

A ResNet-18 is trained on `--images` a process: by one process with one
thread, by two such processes that share each batch on loopback, and by two
that know nothing of each other, which shows what the machine itself costs.
Each is bound to a core of its own. Bytes are what the kernel counts on the
loopback device, for one process and one step.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

import click

ROUNDS = 2
"""Each way is measured so often, in turn."""


@click.command()
@click.option("--method", "methods", multiple=True, default=("pgd-at",))
@click.option("--images", default=16, show_default=True, help="A process.")
@click.option("--steps", default=4, show_default=True)
@click.option("--width", default=64, show_default=True)
def main(methods, images, steps, width):
    """Prints one line for each method."""
    if len(os.sched_getaffinity(0)) < 2:
        raise click.ClickException("needs two cores")
    for method in methods:
        size = [method, str(images), str(steps), str(width)]
        found: dict[str, list[dict]] = {"one": [], "pair": [], "apart": []}
        for _ in range(ROUNDS):
            found["one"] += finished([start(size, 0)])
            found["pair"] += finished(start_pair(size))
            found["apart"] += finished([start(size, 0), start(size, 1)])
        seconds = {
            way: statistics.median(s for each in all_ for s in each["seconds"])
            for way, all_ in found.items()
        }
        sent = statistics.median(x for x in found["pair"][0]["bytes"])
        weights = found["pair"][0]["weights"]
        click.echo(
            json.dumps(
                {
                    "method": method,
                    "images": images,
                    "width": width,
                    "seconds": {k: round(v, 3) for k, v in seconds.items()},
                    "efficiency": round(seconds["one"] / seconds["pair"], 3),
                    "of machine": round(seconds["one"] / seconds["apart"], 3),
                    "sent_mb": round(sent / 2e6, 2),
                    "weights_mb": round(4 * weights / 1e6, 2),
                }
            )
        )


def start_pair(size: Sequence[str]) -> list[subprocess.Popen]:
    """Two processes that share each batch."""
    with ExitStack() as held:
        sockets = [
            held.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(2)
        ]
        hosts = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    return [
        start(
            size,
            index,
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": hosts},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(2)
    ]


def start(size: Sequence[str], core: int, **variables: str) -> subprocess.Popen:
    """Starts a process on one core."""
    cores = sorted(os.sched_getaffinity(0))
    one = {
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scaling_side", *size],
        env={**os.environ, **one, **variables},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[core]}),
    )


def finished(processes: Sequence[subprocess.Popen]) -> list[dict]:
    """What the processes printed last."""
    try:
        outputs = [process.communicate()[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    if any(process.returncode for process in processes):
        raise click.ClickException("a process failed, see above")
    return [json.loads(text.splitlines()[-1]) for text in outputs]


if __name__ == "__main__":
    main()
