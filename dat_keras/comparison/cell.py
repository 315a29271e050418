"""One cell of a grid: trained, counted and evaluated, then written down."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dat_keras import data
from dat_keras.comparison.grid import Cell
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.profiling.pass_counts import Passes
from dat_keras.profiling.step_cost import passes_of_recipe
from dat_keras.profiling.step_timer import StepCosts
from dat_keras.training import checkpoint
from dat_keras.training.run_info import RunInfo, load_classifier
from dat_keras.training.train import RunOptions, train
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import clear, write_whole
from dat_keras.utils.locks import locked
from dat_keras.utils.run_folder import RunFolder

COUNTED_STEPS = 20
"""Steps over which passes are averaged: LAS-AT's period."""


@dataclass(frozen=True)
class CellResult:
    """What a finished cell measured.

    Args:
        reports: By checkpoint, what `Report.to_json` returned.
        passes: Passes of a step.
        seconds_per_step: Median; `None` if too few steps were timed.
        peak_memory: Bytes.
    """

    reports: dict[str, dict]
    passes: Passes
    seconds_per_step: float | None
    peak_memory: int

    @classmethod
    def read(cls, path: Path) -> CellResult:
        """Reads the file that `carry_out` wrote.

        Raises:
            DamagedFileError: If it is not such a file.
        """
        try:
            found = json.loads(path.read_text())
            return cls(
                found["reports"],
                Passes(**found["passes"]),
                found["costs"]["seconds_per_step"],
                found["costs"]["peak_memory"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedFileError(
                f"cannot read {path} ({error!r}); delete it to evaluate again"
            ) from None


def carry_out(cell: Cell, data_dir: Path | None, options: RunOptions) -> None:
    """Trains and evaluates a cell; an interrupted one goes on.

    Args:
        cell: The cell.
        data_dir: Folder of prepared data sets.
        options: How to train; `resume` and `overwrite` are decided here.

    Raises:
        ValueError: As `train` and `evaluate` do.
        RunFolderError: If another process trains in the cell's folder.
        DamagedFileError: If what is to be resumed is damaged.
        TrainingDivergedError: If the loss stops being finite.
    """
    run = RunFolder(cell.folder)
    options = replace(
        options,
        resume=_begun(run),
        overwrite=False,
        callbacks=(*options.callbacks, StepCosts(cell.costs)),
    )
    # Keras prints its progress to stdout, which is for results.
    with redirect_stdout(sys.stderr):
        train(cell.recipe, cell.folder, data_dir=data_dir, options=options)
    info = RunInfo.read(run.recipe)
    found = {
        "costs": json.loads(cell.costs.read_text()),
        "passes": asdict(
            passes_of_recipe(
                info.recipe,
                info.image_shape,
                len(info.class_names),
                COUNTED_STEPS,
            )
        ),
        "reports": _reports(cell, data_dir),
    }
    text = json.dumps(found, indent=2) + "\n"
    write_whole(cell.result, lambda file: file.write(text.encode()))


def _begun(run: RunFolder) -> bool:
    """Whether there is a run to go on with; what led to none is removed."""
    if not run.path.is_dir():
        return False
    with locked(run.path):
        begun = bool(checkpoint.steps(run.checkpoints))
        if not begun:
            clear(run.path)
    return begun


def _reports(cell: Cell, data_dir: Path | None) -> dict[str, dict]:
    test = data.load_split(cell.recipe.dataset, "test", data_dir=data_dir)
    wanted = cell.grid.n_examples
    return {
        which: evaluate(
            load_classifier(cell.folder, which).model,
            test,
            cell.grid.attacks,
            n_examples=None if wanted is None else min(wanted, len(test)),
            seed=cell.recipe.seed,
            resume=cell.folder / f"evaluation-{which}",
        ).to_json()
        for which in cell.grid.checkpoints
    }
