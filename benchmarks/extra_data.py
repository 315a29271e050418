"""Extra images on `shapes`: 500 real ones with 5 000 extra against 500 alone.

python -m benchmarks.extra_data [--seeds 0] [--epochs 60]

The extra images are other training images of `shapes`, written as an `.npz`
file; once with their labels, once labelled by the net that was trained on the
500 alone. All runs have the same number of steps. Writes
`benchmarks/results/extra_data.json`; some minutes on a CPU core.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

import dat_keras as dk
from dat_keras.data.draws import permutation
from dat_keras.recipes import Recipe, resolve
from dat_keras.recipes.extra_data import ExtraData
from dat_keras.training.fit_run import RunOptions

RESULTS = Path(__file__).parent / "results" / "extra_data.json"
REAL, EXTRA = 500, 5_000
FRACTION = 0.7
TESTED = 1_000
"""Test images of the accuracies."""


@click.command()
@click.option("--seeds", default="0", show_default=True)
@click.option("--epochs", default=60, show_default=True)
def main(seeds: str, epochs: int) -> None:
    """Trains all runs and writes their accuracies."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_extra(folder / "extra.npz")
        found = {}
        for seed in map(int, seeds.split(",")):
            recipe = base(epochs, seed)
            alone = folder / f"alone-{seed}"
            own = ExtraData(str(folder / "extra.npz"), FRACTION)
            found[seed] = {
                "500 real": accuracies(recipe, alone),
                "500 real, 5000 extra": accuracies(
                    replace(recipe, extra=own), folder / f"own-{seed}"
                ),
                "500 real, 5000 extra, pseudo-labels": accuracies(
                    replace(recipe, extra=replace(own, labels=str(alone))),
                    folder / f"pseudo-{seed}",
                ),
            }
            click.echo(json.dumps(found[seed]))
    content = {
        "command": f"python -m benchmarks.extra_data --seeds {seeds} "
        f"--epochs {epochs}",
        "fraction": FRACTION,
        "test_images": TESTED,
        "by_seed": found,
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")


def write_extra(path: Path) -> None:
    """Writes training images that are not among those of `limit`."""
    split = dk.data.load_split("shapes", "train")
    rows = permutation(len(split), 0, "limit")[REAL : REAL + EXTRA]
    np.savez(path, image=split.images[rows], label=split.labels[rows])


def base(epochs: int, seed: int) -> Recipe:
    """PGD-AT with three steps on a narrow net."""
    settings = ["width=8", "objective.attack.steps=3", "eval_attack.steps=3"]
    settings += ["objective.attack.step_size=4/255"]
    return resolve(
        {
            "recipe": "pgd-at-shapes-resnet8",
            "limit": REAL,
            "validation_images": 100,
            "batch_size": 50,
            "epochs": epochs,
            "seed": seed,
            "settings": settings,
        }
    )


def accuracies(recipe: Recipe, output: Path) -> dict[str, float]:
    """Trains a run; returns accuracies of its best weights on test images."""
    dk.train(recipe, output, options=RunOptions(say=click.echo))
    report = dk.evaluate(
        dk.load_model(output),
        dk.data.load_split("shapes", "test"),
        ("natural", "pgd20"),
        n_examples=TESTED,
    )
    return {
        name: attack["accuracy"]
        for name, attack in report.to_json()["attacks"].items()
    }


if __name__ == "__main__":
    main()
