"""Transfer between the runs of a grid: rows of one seed attack each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dat_keras import data
from dat_keras.comparison.grid import Grid
from dat_keras.evaluation.transfer import transfer_matrix
from dat_keras.training.run_info import load_classifier

ATTACK = "pgd20"
"""A single attack: AutoAttack leaves an image where it broke nothing."""


def transfer_accuracies(
    grid: Grid,
    output: Path,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> dict[tuple[str, str], list[float]]:
    """Measures every row on the adversarial images of every row.

    In the first norm of the grid, seed by seed and checkpoint by checkpoint;
    each matrix is left as `transfer-<checkpoint>-seed<k>.json`, and measured
    again where a comparison is continued.

    Args:
        grid: A grid whose runs are finished.
        output: Its folder.
        data_dir: Folder of prepared data sets.
        say: Gets a line for each matrix and each of its warnings.

    Returns:
        By label and checkpoint the share of images that no row's images
        break, one number a seed.
    """
    test = data.load_split(grid.recipes[0].dataset, "test", data_dir=data_dir)
    norm, eps = grid.norms.radii[0]
    found: dict[tuple[str, str], list[float]] = {}
    for which in grid.checkpoints:
        for seed in grid.seeds:
            say(f"transfer between the rows: {which} weights, seed {seed}")
            models = {
                run.label: load_classifier(run.folder, which).model
                for run in grid.runs(output)
                if run.recipe.seed == seed
            }
            matrix = transfer_matrix(
                models,
                test,
                ATTACK,
                norm=norm,
                eps=eps,
                n_examples=min(grid.n_examples or len(test), len(test)),
                seed=seed,
            )
            matrix.save(output / f"transfer-{which}-seed{seed}.json")
            for note in matrix.notes():
                say(note)
            for label, share in zip(models, matrix.worst_case, strict=True):
                found.setdefault((label, which), []).append(float(share))
    return found
