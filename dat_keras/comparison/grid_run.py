"""Trains and evaluates one run of a grid, and writes its results."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dat_keras import data
from dat_keras.comparison.grid import GridRun
from dat_keras.comparison.measured_norms import MeasuredNorms
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.corruptions import evaluate_corruptions
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.progress import Display, Progress, prefixed, silent
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import Caution
from dat_keras.evaluation.suites import can_resume
from dat_keras.evaluation.union_report import UnionReport
from dat_keras.profiling.pass_counts import Passes
from dat_keras.profiling.step_cost import passes_of_recipe
from dat_keras.profiling.step_timer import StepCosts
from dat_keras.training import checkpoint
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.run_info import RunInfo, load_classifier
from dat_keras.training.train import train
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import clear, write_json
from dat_keras.utils.locks import locked
from dat_keras.utils.report_data import of_norms
from dat_keras.utils.run_folder import RunFolder

COUNTED_STEPS = 20
"""Steps over which passes are averaged: LAS-AT's period."""


@dataclass(frozen=True)
class RunResult:
    """What a finished run measured.

    Args:
        reports: By checkpoint, what `Report.to_json` returned, or
            `UnionReport.to_json` of several norms.
        corrupted: By checkpoint, what `CorruptionReport.to_json` returned;
            empty without corruptions.
        passes: Passes of a step.
        seconds_per_step: Median; `None` if too few steps were timed.
        steps_per_epoch: Training steps of an epoch.
        peak_memory: Bytes.
    """

    reports: dict[str, dict]
    corrupted: dict[str, dict]
    passes: Passes
    seconds_per_step: float | None
    steps_per_epoch: int
    peak_memory: int

    @property
    def seconds_per_epoch(self) -> float | None:
        """Training time of an epoch, without validation."""
        if self.seconds_per_step is None:
            return None
        return self.seconds_per_step * self.steps_per_epoch

    def cautions(self, which: str) -> tuple[Caution, ...]:
        """Returns what a reader of a checkpoint's reports must know.

        Args:
            which: The checkpoint.
        """
        return tuple(
            Caution.of_json(each)
            for report in of_norms(self.reports[which])
            for each in report["warnings"]
        )

    @classmethod
    def read(cls, path: Path) -> RunResult:
        """Reads the file that `train_and_evaluate` wrote.

        Raises:
            DamagedFileError: If it is not such a file.
        """
        try:
            found = json.loads(path.read_text())
            return cls(
                found["reports"],
                found["corrupted"],
                Passes(**found["passes"]),
                found["costs"]["seconds_per_step"],
                found["steps_per_epoch"],
                found["costs"]["peak_memory"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedFileError(
                f"cannot read {path} ({error!r}); delete it to evaluate again"
            ) from None


def train_and_evaluate(
    grid_run: GridRun,
    data_dir: Path | None,
    options: RunOptions,
    display: Display = silent,
) -> None:
    """Trains and evaluates a run of a grid; an interrupted one is resumed.

    Args:
        grid_run: The run.
        data_dir: Folder of prepared data sets.
        options: How to train; `resume` and `overwrite` are decided here.
        display: Opens the display of the evaluation's progress.

    Raises:
        ValueError: As `train` and `evaluate` do.
        RunFolderError: If another process trains in the run's folder.
        DamagedFileError: If what is to be resumed is damaged.
        TrainingDivergedError: If the loss stops being finite.
    """
    run = RunFolder(grid_run.folder)
    options = replace(
        options,
        resume=_has_checkpoint(run),
        overwrite=False,
        callbacks=(*options.callbacks, StepCosts(grid_run.costs)),
    )
    # Keras prints its progress to stdout, which is for results.
    with redirect_stdout(sys.stderr):
        train(
            grid_run.recipe,
            grid_run.folder,
            data_dir=data_dir,
            options=options,
        )
    info = RunInfo.read(run.recipe)
    # Counting passes compiles steps: the display already moves meanwhile.
    with display() as progress:
        passes = passes_of_recipe(
            info.recipe, info.image_shape, len(info.class_names), COUNTED_STEPS
        )
        reports, corrupted = _reports(grid_run, data_dir, progress)
    found = {
        "costs": json.loads(grid_run.costs.read_text()),
        "passes": asdict(passes),
        "steps_per_epoch": _steps(run) // info.recipe.epochs,
        "reports": reports,
        "corrupted": corrupted,
    }
    write_json(grid_run.result, found)


def _has_checkpoint(run: RunFolder) -> bool:
    """Whether there is a run to resume; a folder without one is emptied."""
    if not run.path.is_dir():
        return False
    with locked(run.path):
        begun = bool(checkpoint.steps(run.checkpoints))
        if not begun:
            clear(run.path)
    return begun


def _steps(run: RunFolder) -> int:
    """Steps of a finished training, by its last checkpoint."""
    last = checkpoint.steps(run.checkpoints)[-1]
    return int(last.name.rpartition("-")[2])


def _reports(
    grid_run: GridRun, data_dir: Path | None, progress: Progress
) -> tuple[dict[str, dict], dict[str, dict]]:
    """The reports by checkpoint, and those on corrupted images."""
    recipe, grid = grid_run.recipe, grid_run.grid
    test = data.load_split(recipe.dataset, "test", data_dir=data_dir)
    wanted = grid.n_examples
    count = None if wanted is None else min(wanted, len(test))
    reports, corrupted = {}, {}
    for which in grid.checkpoints:
        model = load_classifier(grid_run.folder, which).model
        shown = prefixed(which, progress)
        state = None
        if can_resume(grid.attacks, Linf(0.0)):
            state = grid_run.folder / f"evaluation-{which}"
        reports[which] = _report(
            grid.norms,
            state,
            shown,
            lambda norm, model=model, **settings: evaluate(
                model,
                test,
                grid.attacks,
                norm=norm,
                n_examples=count,
                seed=recipe.seed,
                certify=grid.further.certify_in(norm),
                eot=grid.further.eot,
                **settings,
            ),
        )
        if grid.further.corruptions:
            corrupted[which] = evaluate_corruptions(
                model,
                test,
                grid.further.corruption_names,
                grid.further.severities,
                n_examples=count,
                seed=recipe.seed,
                progress=shown,
            ).to_json()
    return reports, corrupted


def _report(
    norms: MeasuredNorms,
    state: Path | None,
    progress: Progress,
    evaluated: Callable[..., Report],
) -> dict:
    """The report in one norm, or that of several and of their union."""
    if len(norms.radii) == 1:
        ((norm, eps),) = norms.radii
        return evaluated(
            norm, eps=eps, resume=state, progress=progress
        ).to_json()
    return UnionReport(
        {
            norm: evaluated(
                norm,
                eps=eps,
                resume=state / norm if state else None,
                progress=prefixed(norm, progress),
            )
            for norm, eps in norms.radii
        }
    ).to_json()
