"""The measurement of `dat-keras bench`, with TensorFlow loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from dat_keras.profiling.machine import describe, matmul_peak
from dat_keras.profiling.step_cost import (
    StepCost,
    measure,
    passes_of_recipe,
    random_batch,
)
from dat_keras.recipes import Recipe, resolve
from dat_keras.training.build import build
from dat_keras.utils.text_table import ragged
from dat_keras.zoo.commands.load import load_model


def run_bench(
    choice: Mapping[str, object],
    image_shape: tuple[int, int, int],
    num_classes: int,
    steps: int,
    jit: bool,
    as_json: bool,
) -> str:
    """Times steps of a recipe; returns what to print."""
    recipe = resolve(choice)
    model = build(recipe, image_shape, num_classes, 100, load_model)
    model.jit_compile = jit
    passes = passes_of_recipe(recipe, image_shape, num_classes)
    batch = random_batch(recipe.batch_size, image_shape, num_classes)
    cost = measure(model, batch, passes, rounds=steps)
    peak = matmul_peak()
    if not as_json:
        return _text(recipe, cost, peak)
    found = {**asdict(cost), "passes": asdict(passes), "matmul_gflops": peak}
    return json.dumps({"recipe": recipe.name, **found, "machine": describe()})


def _text(recipe: Recipe, cost: StepCost, peak: float) -> str:
    share = 100 * cost.gigaflops / peak
    count = len(cost.seconds)
    return ragged(
        [
            ["recipe", f"{recipe.name}, batch {recipe.batch_size}"],
            ["seconds a step", f"{cost.median:.3f}, median of {count}"],
            ["images a second", f"{recipe.batch_size / cost.median:.0f}"],
            ["first step", f"{cost.first_seconds:.1f} s, with tracing"],
            ["arithmetic", f"{cost.gigaflops:.0f} GFLOP/s in the classifier"],
            ["matrix product", f"{peak:.0f} GFLOP/s in float32: {share:.0f} %"],
            ["peak memory", f"{cost.peak_memory / 2**20:.0f} MiB"],
        ]
    )  # fmt: skip
