"""Times AutoAttack of ours and of a public PyTorch package, part by part.

    python -m benchmarks.auto_attack RUN_OR_MODEL --data-dir DIR

Both attack the same images of the same trained classifier with the same
number of threads, and alternate part by part in one process. Each side goes
on with what it left standing itself. Peak memory is measured in a process for
each side.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.sides import (
    PARTS,
    SIDES,
    Ours,
    Size,
    Subject,
    logits_apart,
    subject,
)
from benchmarks.steps import threads
from dat_keras.evaluation.parallel import use_data_parallel_threads
from dat_keras.profiling.step_timer import peak_memory
from dat_keras.utils.runtime import use_fast_kernels


def alternate(sides: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Seconds and survivors of each part, the sides taking turns."""
    found: dict[str, dict[str, Any]] = {side: {} for side in sides}
    broken: dict[str, np.ndarray] = {}
    for name in ("natural", *PARTS):
        for side, attacks in sides.items():
            began = time.perf_counter()
            if name == "natural":
                broken[side] = attacks.wrong()
            else:
                rows = np.flatnonzero(~broken[side])
                broken[side] = broken[side] | attacks.broken(name, rows)
            seconds = time.perf_counter() - began
            standing = int((~broken[side]).sum())
            found[side][name] = {"seconds": seconds, "standing": standing}
            print(f"{side} {name}: {seconds:.1f} s, {standing}", flush=True)
    return found


def total(parts: dict[str, dict[str, Any]]) -> float:
    """Seconds of all parts."""
    return sum(part["seconds"] for part in parts.values())


def memory(of: Subject, run: list[str]) -> dict[str, dict[str, int]]:
    """Peak memory of each side in a process of its own, in megabytes."""
    from benchmarks.torch_twin import save_twin

    with tempfile.TemporaryDirectory() as folder:
        weights, images = (Path(folder) / f"{n}.npz" for n in ("w", "x"))
        save_twin(of.model, weights)
        np.savez(images, x=of.x, y=of.y)
        torch = ["benchmarks.torch_attacks", of.net, str(weights), str(images)]
        return {
            "ours": _printed_by(["benchmarks.auto_attack", *run, "--memory"]),
            "peer": _printed_by(torch),
        }


def _printed_by(module: list[str]) -> dict[str, int]:
    command = [sys.executable, "-m", *module]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_for_memory(of: Subject) -> None:
    """Runs every part for a few steps and prints the peak before and after."""
    before = peak_memory()
    attacks = Ours(of, Size(queries=5, steps=2))
    rows = np.flatnonzero(~attacks.wrong())
    for name in PARTS:
        attacks.broken(name, rows)
    found = {"before": before, "peak": peak_memory()}
    print(json.dumps({name: b // 2**20 for name, b in found.items()}))


@click.command()
@click.argument("source", metavar="RUN_OR_MODEL")
@click.option("--data-dir", type=Path)
@click.option("--n-examples", default=200, show_default=True)
@click.option("--queries", default=1000, show_default=True)
@click.option("--threads", "count", default=2, show_default=True)
@click.option("--search-dtype", help="Type of our attacks' convolutions.")
@click.option("--memory", "alone", is_flag=True, help="Ours alone, in short.")
def main(
    source: str,
    data_dir: Path | None,
    n_examples: int,
    queries: int,
    count: int,
    search_dtype: str | None,
    alone: bool,
) -> None:
    """Times both sides on the classifier of a run, or by name."""
    use_fast_kernels()
    if alone:
        # Without PyTorch in the process.
        use_data_parallel_threads()
        run_for_memory(subject(source, data_dir, n_examples))
        return
    threads(count)
    use_data_parallel_threads()
    of = subject(source, data_dir, n_examples)
    from benchmarks.results import keep
    from benchmarks.torch_attacks import version

    size = Size(queries, search_dtype=search_dtype)
    sides = {name: make(of, size) for name, make in SIDES.items()}
    apart = logits_apart(of)
    parts = alternate(sides)
    forward, gradient = sides["ours"].passes_alone()
    counted = sides["ours"].forwards * forward
    counted += sides["ours"].gradients * gradient
    arguments = [source, "--n-examples", str(n_examples)]
    arguments += ["--data-dir", str(data_dir)] if data_dir else []
    keep(
        "auto_attack",
        ("net", "data", "search_dtype"),
        {
            "net": of.net,
            "data": of.data,
            "n_examples": n_examples,
            "queries": queries,
            "threads": count,
            "search_dtype": search_dtype,
            "peer": version(),
            "logits_apart": apart,
            "parts": parts,
            "seconds": {side: total(parts[side]) for side in parts},
            "peer_over_ours": total(parts["peer"]) / total(parts["ours"]),
            "passes": {
                "forwards": sides["ours"].forwards,
                "gradients": sides["ours"].gradients,
                "ms_forward": 1e3 * forward,
                "ms_gradient": 1e3 * gradient,
                "seconds": counted,
            },
            "ours_over_passes": total(parts["ours"]) / counted,
            "memory_mb": memory(of, arguments),
        },
    )


if __name__ == "__main__":
    main()
