"""Trains and evaluates the runs of a grid, one or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dat_keras import data
from dat_keras.comparison.grid import Grid, GridRun
from dat_keras.comparison.grid_folder import claim_folder
from dat_keras.comparison.grid_run import RunResult, train_and_evaluate
from dat_keras.comparison.grid_table import summary, table_of
from dat_keras.comparison.grid_transfer import transfer_accuracies
from dat_keras.comparison.results_table import ResultsTable
from dat_keras.data.extra_images import check_source
from dat_keras.evaluation.progress import Display, silent
from dat_keras.training.fit_run import RunOptions
from dat_keras.utils.child_process import (
    call_side_by_side,
    in_limited_process,
    in_own_process,
)
from dat_keras.utils.files import write_whole
from dat_keras.utils.runtime import share_of_cores
from dat_keras.utils.stop_children import stop_children_at_signal

Runner = Callable[..., None]
"""Calls a function with its arguments, in this process or another."""


def compare(
    grid: Grid,
    output: Path,
    *,
    data_dir: Path | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008
    workers: int = 1,
    run: Runner | None = None,
    display: Display = silent,
) -> ResultsTable:
    """Trains and evaluates all runs of a grid (its folder: see `grid.py`).

    Finished runs stay as they are, an interrupted one is resumed: a killed
    comparison that is continued ends with the accuracies of an uninterrupted
    one. When a run fails, the table of those finished before is shown.

    Args:
        grid: What to compare.
        output: The grid's folder.
        data_dir: Folder of prepared data sets.
        options: How to train. It must be possible to pickle it, for a process
            of its own.
        workers: Runs at a time, each with its share of the processor cores.
            Another share may round sums differently.
        run: Where a run is trained. Default: in a process of its own, so
            that its peak memory is its own; a script must then keep its work
            behind `if __name__ == "__main__":`.
        display: Opens the display of an evaluation's progress. It must be
            possible to pickle it, like `options`.

    Returns:
        The table, which is also written as text, Markdown, CSV and LaTeX.

    Raises:
        ValueError: If the data set has no test split, a classifier cannot be
            certified, or `workers` is not between 1 and the number of cores.
        RunFolderError: If the folder is in use, or holds another grid.
        DamagedFileError: If a file to resume from is damaged.
        RunInterruptedError: At SIGTERM or Ctrl-C, once the runs under way have
            saved their states.
    """
    run = run or _runner(workers)
    _check_data(grid, data_dir)
    for recipe in dict.fromkeys(grid.recipes):
        grid.further.check(recipe)
    with claim_folder(grid, output, options.resume, options.overwrite):
        runs = list(grid.runs(output))

        def carry_out(number: int, one: GridRun) -> None:
            done = one.result.exists()
            state = ", finished before" if done else ""
            options.say(f"run {number} of {len(runs)}: {one.name}{state}")
            if not done:
                run(train_and_evaluate, one, data_dir, options, display)
                result = RunResult.read(one.result)
                options.say(f"{one.name}: {summary(grid, result)}")

        try:
            with stop_children_at_signal():
                call_side_by_side(carry_out, enumerate(runs, 1), workers)
        except Exception:
            _show_finished(grid, runs, options.say)
            raise
        transfer = (
            transfer_accuracies(grid, output, data_dir, options.say)
            if grid.further.transfer
            else {}
        )
        table = table_of(grid, _results(runs), transfer)
        _write(table, output)
    return table


def _runner(workers: int) -> Runner:
    """A process for each run, with its share of the cores."""
    share = share_of_cores(workers)
    if workers == 1:
        return in_own_process
    return partial(in_limited_process, share)


def _check_data(grid: Grid, data_dir: Path | None) -> None:
    """Refuses a data set that cannot be trained on or evaluated."""
    for recipe in grid.recipes:
        if recipe.extra.source is not None:
            check_source(recipe.extra.source)
    dataset = grid.recipes[0].dataset
    found = data.splits_of(dataset, data_dir)
    for split in data.SPLITS:
        if split not in found:
            raise ValueError(
                f"`dataset` must have a {split} split. Received: "
                f"dataset={dataset!r}, which has {', '.join(found)}"
            )


def _results(runs: Sequence[GridRun]) -> dict[str, list[RunResult]]:
    """Results by label; an unfinished run has none."""
    results: dict[str, list[RunResult]] = {}
    for one in runs:
        if one.result.exists():
            found = RunResult.read(one.result)
            results.setdefault(one.label, []).append(found)
    return results


def _show_finished(
    grid: Grid, runs: Sequence[GridRun], say: Callable[[str], None]
) -> None:
    """Shows the table of the finished runs, if there are any."""
    results = _results(runs)
    if results:
        say(f"finished so far: {table_of(grid, results).text()}")


def _write(table: ResultsTable, output: Path) -> None:
    for suffix, text in (
        ("txt", table.text()),
        ("md", table.markdown()),
        ("csv", table.csv()),
        ("tex", table.latex()),
    ):
        data = f"{text}\n".encode()
        write_whole(
            output / f"table.{suffix}", lambda file, data=data: file.write(data)
        )
