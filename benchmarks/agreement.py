"""Compares robust accuracies with public packages on the same classifier.

    python -m benchmarks.agreement RUN_OR_MODEL --data-dir DIR --part apgd-ce

Each part is run alone on every correctly classified image: by us, by
`torchattacks` on a PyTorch twin with the same weights, and PGD by `foolbox` on
the very same Keras model. Draws differ, so flags may; the tolerances are
those of two runs of one implementation with different seeds.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.sides import EPS, PARTS, Ours, Size, Subject, subject
from dat_keras.evaluation.parallel import use_data_parallel_threads
from dat_keras.utils.runtime import use_fast_kernels

POINTS = {"pgd20": 0.2, "square": 1.0, "fab-t": 0.5}
"""Largest difference in points on a robust net; other parts 0.2."""

Flags = Callable[[np.ndarray], np.ndarray]
"""Says which of the rows with these positions it breaks, shape `(N,)`."""


def ours(of: Subject, part: str, size: Size, seed: int) -> Flags:
    """A part of ours."""
    if part == "pgd20":
        return _our_pgd(of, seed)
    side = Ours(of, size)
    side.trial = replace(side.trial, seed=seed)
    return lambda rows: side.broken(part, rows)


def _our_pgd(of: Subject, seed: int) -> Flags:
    from dat_keras.attacks import pgd
    from dat_keras.core.threat_models import Linf

    trial = replace(Ours(of, Size()).trial, seed=seed)
    attack = pgd(Linf(EPS))
    return lambda rows: trial.search("pgd20", attack, rows).broken


def torchattacks(of: Subject, part: str, size: Size, seed: int) -> Flags:
    """The same part in PyTorch, on the twin."""
    from torchattacks import PGD

    from benchmarks.torch_attacks import Suite, parts
    from benchmarks.torch_twin import twin_of

    net = twin_of(of.model, of.net)
    suite = Suite(net, of.x, of.y)
    if part == "pgd20":
        import torch

        torch.manual_seed(seed)
        attack = PGD(net, eps=EPS, alpha=EPS / 4, steps=20)
    else:
        attack = parts(net, "linf", EPS, size.queries, size.steps, seed)[part]
    return lambda rows: suite.broken(attack, rows)


def foolbox(of: Subject, part: str, size: Size, seed: int) -> Flags | None:
    """PGD on the Keras model itself; foolbox has no other of the parts."""
    if part != "pgd20":
        return None
    import foolbox as fb
    import tensorflow as tf

    tf.random.set_seed(seed)
    model = fb.TensorFlowModel(of.model, bounds=(0, 1), device="cpu:0")
    attack = fb.attacks.LinfPGD(abs_stepsize=EPS / 4, steps=20)

    def flags(rows: np.ndarray) -> np.ndarray:
        broken = np.zeros(len(of.x), bool)
        x, y = tf.constant(of.x[rows]), tf.constant(of.y[rows], tf.int64)
        broken[rows] = attack(model, x, y, epsilons=EPS)[2].numpy()
        return broken

    return flags


SOURCES = {"ours": ours, "torchattacks": torchattacks, "foolbox": foolbox}


def compare(of: Subject, part: str, size: Size) -> dict:
    """Flags of each source with two seeds, and how far they are from ours."""
    right = np.flatnonzero(~Ours(of, size).wrong())
    broken = {}
    for name, make in SOURCES.items():
        for seed in (0, 1):
            run = make(of, part, size, seed)
            # With one restart FAB-T draws nothing.
            if run is None or (part == "fab-t" and seed):
                continue
            broken[f"{name}, seed {seed}"] = run(right)
    mine = broken["ours, seed 0"]
    return {
        "part": part,
        "natural": len(right) / len(of.x),
        "robust": {
            name: (len(right) - int(found.sum())) / len(of.x)
            for name, found in broken.items()
        },
        "flags_unlike_ours": {
            name: {
                "only_ours": int((mine & ~found).sum()),
                "only_theirs": int((found & ~mine).sum()),
            }
            for name, found in broken.items()
        },
        "tolerance_points": POINTS.get(part, 0.2),
    }


@click.command()
@click.argument("source", metavar="RUN_OR_MODEL")
@click.option("--data-dir", type=Path)
@click.option("--n-examples", default=500, show_default=True)
@click.option("--queries", default=1000, show_default=True)
@click.option("--part", type=click.Choice(["pgd20", *PARTS]), default="apgd-ce")
def main(
    source: str, data_dir: Path | None, n_examples: int, queries: int, part: str
) -> None:
    """Compares one part on the classifier of a run, or by name."""
    use_fast_kernels()
    use_data_parallel_threads()
    from benchmarks.results import keep
    from dat_keras.core.versions import versions
    from dat_keras.core.weights import fingerprint

    of = subject(source, data_dir, n_examples)
    found = compare(of, part, Size(queries))
    found |= {
        "net": of.net,
        "weights": fingerprint(of.model),
        "data": of.data,
        "n_examples": n_examples,
        "queries": queries,
        "versions": {
            **versions(),
            **{
                name: importlib.metadata.version(name)
                for name in ("torch", "torchattacks", "foolbox")
            },
        },
    }
    keep("agreement", ("part",), found)


if __name__ == "__main__":
    main()
