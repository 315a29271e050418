"""Times AutoAttack of ours and of a public PyTorch package, part by part.

    python -m benchmarks.auto_attack RUN --data-dir DIR

Both attack the same images of the same trained classifier with the same
number of threads, and alternate part by part in one process. Each side goes
on with what it left standing itself. Peak memory is measured in a process for
each side.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from benchmarks.steps import threads
from dat_keras.allocator import keep_freed_memory
from dat_keras.costs import peak_memory
from dat_keras.shares import leave_cores_to_shares
from dat_keras.startup import use_fast_kernels

if TYPE_CHECKING:
    import keras

    from dat_keras.attacks import Staged
    from dat_keras.trials import Trial

RESULTS = Path(__file__).parent / "results" / "auto_attack.json"
EPS = 8 / 255
PARTS = ("apgd-ce", "apgd-t", "fab-t", "square")

Attack = Callable[[str, np.ndarray], np.ndarray]
"""Attacks rows by a part's name; says which images were broken."""


@dataclass(frozen=True)
class Size:
    """How much is done.

    Args:
        n_examples: Number of images.
        queries: Square's queries.
        steps: Steps of the other parts.
    """

    n_examples: int = 200
    queries: int = 1000
    steps: int = 100


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained classifier and the images that it is attacked on."""

    model: keras.Model
    net: str
    x: np.ndarray
    y: np.ndarray
    data: str


def subject(run: Path, data_dir: Path | None, count: int) -> Subject:
    """The classifier of a run folder and the first test images."""
    from dat_keras.data import load_split
    from dat_keras.runs import load_classifier
    from dat_keras.samples import first

    loaded = load_classifier(run, "best")
    recipe = loaded.info.recipe
    split = load_split(recipe.dataset, "test", data_dir=data_dir)
    x, y = first(split, count).rows(np.arange(count))
    return Subject(loaded.model, recipe.architecture, x, y, split.name)


class Ours:
    """Our parts, and what they cost in passes."""

    def __init__(self, of: Subject, size: Size) -> None:
        from dat_keras.predict import Predictor
        from dat_keras.protocols import PROTOCOLS
        from dat_keras.samples import first
        from dat_keras.threat_models import Linf
        from dat_keras.trials import Trial

        self.parts = _our_parts(Linf(EPS), size)
        self.trial: Trial = Trial(
            predict=Predictor(of.model),
            samples=first((of.x, of.y)),
            threat_model=Linf(EPS),
            protocol=PROTOCOLS["strict"],
            batch_size=len(of.x),
        )
        self.forwards = self.gradients = 0

    def wrong(self) -> np.ndarray:
        wrong = self.trial.wrong
        # As the command does once TensorFlow has run something.
        keep_freed_memory()
        return wrong

    def broken(self, name: str, rows: np.ndarray) -> np.ndarray:
        from dat_keras.pursuit import Pursuit

        course = Pursuit(name, self.parts[name], self.trial, name)(rows)
        self.forwards += course.forwards
        self.gradients += course.gradients
        found = np.zeros(len(self.trial.samples), bool)
        found[course.broken] = True
        return found

    def passes_alone(self, rounds: int = 7) -> tuple[float, float]:
        """Seconds of a forward pass and of a gradient beyond it, by image."""
        from dat_keras.cascade import seconds_per_image

        found = [seconds_per_image(self.trial) for _ in range(rounds)]
        forward, gradient = np.median(np.array(found), axis=0)
        return float(forward), float(gradient)


def _our_parts(ball: Any, size: Size) -> dict[str, Staged]:
    from dat_keras.attacks import EachTarget, Restarts, Square, standard

    found = {}
    for name, part in standard(ball).items():
        if isinstance(part, (EachTarget, Restarts)):
            attack = replace(part.attack, steps=size.steps)
            part = replace(part, attack=attack)
        if isinstance(part, Square):
            part = replace(part, queries=size.queries)
        found[name] = part
    return found


class Theirs:
    """The package's parts on a twin of the classifier."""

    def __init__(self, of: Subject, size: Size) -> None:
        from benchmarks.torch_attacks import Suite, parts
        from benchmarks.torch_twin import twin_of

        net = twin_of(of.model, of.net)
        self.parts = parts(net, "linf", EPS, size.queries, size.steps)
        self.suite = Suite(net, of.x, of.y)

    def wrong(self) -> np.ndarray:
        return self.suite.wrong()

    def broken(self, name: str, rows: np.ndarray) -> np.ndarray:
        return self.suite.broken(self.parts[name], rows)


SIDES = {"ours": Ours, "peer": Theirs}


def logits_apart(of: Subject) -> float:
    """Largest difference of the two nets' logits on the images."""
    import torch

    from benchmarks.torch_twin import to_torch, twin_of

    with torch.no_grad():
        theirs = twin_of(of.model, of.net)(to_torch(of.x)).numpy()
    return float(np.abs(of.model(of.x, training=False) - theirs).max())


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


def memory_of(side: str, arguments: list[str]) -> dict[str, float]:
    """Peak memory of one side in a process of its own, in megabytes."""
    command = [sys.executable, "-m", "benchmarks.auto_attack", *arguments]
    done = subprocess.run(
        [*command, "--memory", side], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def run_for_memory(side: str, of: Subject, size: Size) -> None:
    """Runs every part for a few steps and prints the peak before and after."""
    before = peak_memory()
    attacks = SIDES[side](of, size)
    rows = np.flatnonzero(~attacks.wrong())
    for name in PARTS:
        attacks.broken(name, rows)
    found = {"before": before, "peak": peak_memory()}
    print(json.dumps({name: round(b / 2**20) for name, b in found.items()}))


def keep(found: dict) -> None:
    """Prints a row and appends it to the results."""
    from benchmarks.machine import describe, matmul_peak

    found |= {"machine": describe(), "matmul_gflops": matmul_peak()}
    print(json.dumps(found, indent=1), flush=True)
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([*rows, found], indent=1) + "\n")


@click.command()
@click.argument("run", type=Path)
@click.option("--data-dir", type=Path)
@click.option("--n-examples", default=200, show_default=True)
@click.option("--queries", default=1000, show_default=True)
@click.option("--threads", "count", default=2, show_default=True)
@click.option("--memory", type=click.Choice(list(SIDES)), default=None)
def main(
    run: Path,
    data_dir: Path | None,
    n_examples: int,
    queries: int,
    count: int,
    memory: str | None,
) -> None:
    """Times both sides on the classifier of a run folder."""
    use_fast_kernels()
    threads(count)
    leave_cores_to_shares()
    of = subject(run, data_dir, n_examples)
    if memory:
        run_for_memory(memory, of, Size(n_examples, queries=5, steps=2))
        return
    from benchmarks.torch_attacks import version

    size = Size(n_examples, queries)
    sides = {name: make(of, size) for name, make in SIDES.items()}
    apart = logits_apart(of)
    parts = alternate(sides)
    forward, gradient = sides["ours"].passes_alone()
    counted = sides["ours"].forwards * forward
    counted += sides["ours"].gradients * gradient
    arguments = [str(run), "--n-examples", str(n_examples)]
    arguments += ["--data-dir", str(data_dir)] if data_dir else []
    keep(
        {
            "net": of.net,
            "data": of.data,
            "n_examples": n_examples,
            "queries": queries,
            "threads": count,
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
            "memory_mb": {side: memory_of(side, arguments) for side in SIDES},
        }
    )


if __name__ == "__main__":
    main()
