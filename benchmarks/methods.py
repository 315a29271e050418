"""What a step of each method costs, and how it grows.

python -m benchmarks.methods                 # every method
python -m benchmarks.methods --growth        # batch, side, steps, classes
"""

from __future__ import annotations

import math
from dataclasses import replace

import click

from dat_keras.utils.runtime import use_fast_kernels

GROWTH = {
    "batch": (16, 32, 64, 128),
    "side": (32, 64, 128),
    "attack steps": (2, 5, 10, 20),
    "classes": (10, 100, 200),
}
"""Values of each quantity; the others stay at the first of batch 32, side 32,
five attack steps and ten classes."""


PERIOD = 20
"""Steps over which passes are averaged: LAS-AT's period."""


def cost_of(kind, size: int, rounds: int) -> dict:
    """Measures one kind of step."""
    from dat_keras.profiling.pass_counts import passes_of_step
    from dat_keras.profiling.step_cost import measure, random_batch

    shape = (kind.side, kind.side, 3)
    passes = passes_of_step(
        kind.model(), random_batch(2, shape, kind.classes), steps=PERIOD
    )
    batch = random_batch(size, shape, kind.classes)
    cost = measure(kind.model(), batch, passes, rounds=rounds)
    return {
        "seconds": cost.median,
        "first": cost.first_seconds,
        "gflops": cost.gigaflops,
        "passes": [passes.forward, passes.to_input, passes.to_weights],
    }


def every_method(net: str, size: int, rounds: int) -> None:
    """Measures all methods on one net."""
    from benchmarks.ours import Ours
    from benchmarks.results import keep, show
    from dat_keras.objectives import OBJECTIVES
    from dat_keras.objectives.las_at.las_trades import PUBLISHED
    from dat_keras.objectives.las_at.policy import Policy

    # A strategy of the classifier's own size, as in the small recipes.
    policies = {
        "las-at": Policy(net),
        "las-trades": replace(PUBLISHED, architecture=net),
    }
    changes = {name: (("policy", p),) for name, p in policies.items()}
    for method in OBJECTIVES:
        kind = Ours(net, method, changes.get(method, ()))
        row = {"net": net, "method": method, "batch": size}
        row |= cost_of(kind, size, rounds)
        keep("methods", ("net", "method", "batch"), row)
    show(
        "methods",
        {
            "method": lambda row: f"`{row['method']}`",
            "s a step": lambda row: f"{row['seconds']:.3f}",
            "forward, to input, to weights": lambda row: ", ".join(
                f"{p:g}" for p in row["passes"]
            ),
            "GFLOP/s": lambda row: f"{row['gflops']:.0f}",
            "of the matrix product": lambda row: (
                f"{100 * row['gflops'] / row['matmul_gflops']:.0f} %"
            ),
            "first step, s": lambda row: f"{row['first']:.1f}",
        },
    )


def growth(net: str, rounds: int) -> None:
    """Times DAT against each quantity, and fits `seconds ~ value ** p`."""
    from benchmarks.ours import Ours
    from benchmarks.results import keep, show
    from dat_keras.attacks import PGD, NormalStart
    from dat_keras.core.threat_models import Linf

    base = Ours(net, "dat")
    for quantity, values in GROWTH.items():
        seconds = []
        for value in values:
            attack = PGD(Linf(8 / 255), steps=value, start=NormalStart())
            kind, size = {
                "batch": (base, value),
                "side": (replace(base, side=value), 32),
                "attack steps": (
                    replace(base, changes=(("attack", attack),)),
                    32,
                ),
                "classes": (replace(base, classes=value), 32),
            }[quantity]
            seconds.append(cost_of(kind, size, rounds)["seconds"])
        row = {"net": net, "quantity": quantity, "values": list(values)}
        row |= {"seconds": seconds, "exponent": exponent(values, seconds)}
        keep("growth", ("net", "quantity"), row)
    show(
        "growth",
        {
            "quantity": lambda row: row["quantity"],
            "values": lambda row: ", ".join(map(str, row["values"])),
            "s a step": lambda row: ", ".join(
                f"{s:.3f}" for s in row["seconds"]
            ),
            "exponent": lambda row: f"{row['exponent']:.2f}",
        },
    )


def exponent(values, seconds) -> float:
    """The slope of a least-squares line through the logarithms."""
    pairs = [
        (math.log(v), math.log(s)) for v, s in zip(values, seconds, strict=True)
    ]
    mean_v, mean_s = (sum(p) / len(pairs) for p in zip(*pairs, strict=True))
    return sum((v - mean_v) * (s - mean_s) for v, s in pairs) / sum(
        (v - mean_v) ** 2 for v, _ in pairs
    )


@click.command()
@click.option("--net", default="resnet8", show_default=True)
@click.option("--batch-size", default=128, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--growth", "growing", is_flag=True)
def main(net: str, batch_size: int, rounds: int, growing: bool) -> None:
    """Prints one JSON line for each row, and keeps it."""
    use_fast_kernels()
    if growing:
        growth(net, rounds)
    else:
        every_method(net, batch_size, rounds)


if __name__ == "__main__":
    main()
