"""Trains and evaluates the runs of a grid, one after the other."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dat_keras import data
from dat_keras.comparison.grid import Grid, GridRun
from dat_keras.comparison.grid_folder import claim_folder
from dat_keras.comparison.grid_run import RunResult, train_and_evaluate
from dat_keras.comparison.results_table import Column, ResultsTable
from dat_keras.training.fit_run import RunOptions
from dat_keras.utils.child_process import in_own_process
from dat_keras.utils.files import write_whole
from dat_keras.utils.norms import pixel_fraction

Runner = Callable[..., None]
"""Calls a function with its arguments, in this process or another."""

Results = Sequence[RunResult]
"""The results of a row, one a seed."""


def compare(
    grid: Grid,
    output: Path,
    *,
    data_dir: Path | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008
    run: Runner = in_own_process,
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
        run: Where a run is trained. Default: in a process of its own, so
            that its peak memory is its own; a script must then keep its work
            behind `if __name__ == "__main__":`.

    Returns:
        The table, which is also written as text, Markdown, CSV and LaTeX.

    Raises:
        ValueError: If the data set has no test split.
        RunFolderError: If the folder is in use, or holds another grid.
        DamagedFileError: If a file to resume from is damaged.
    """
    _check_data(grid, data_dir)
    with claim_folder(grid, output, options.resume, options.overwrite):
        runs = list(grid.runs(output))
        for i, one in enumerate(runs, 1):
            done = one.result.exists()
            state = ", finished before" if done else ""
            options.say(f"run {i} of {len(runs)}: {one.name}{state}")
            if done:
                continue
            try:
                run(train_and_evaluate, one, data_dir, options)
            except Exception:
                _show_finished(grid, runs, options.say)
                raise
            result = RunResult.read(one.result)
            options.say(f"{one.name}: {_summary(grid, result)}")
        table = table_of(grid, _results(runs))
        _write(table, output)
    return table


def _check_data(grid: Grid, data_dir: Path | None) -> None:
    """Refuses a data set that cannot be trained on or evaluated."""
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


def table_of(grid: Grid, results: Mapping[str, Results]) -> ResultsTable:
    """The table of a grid's results.

    Accuracies are in percent; the costs of a row are the means over its
    seeds, see `LEGEND`.

    Args:
        grid: The grid.
        results: Results by label, one a seed; rows without any are left out.
    """
    rows = [
        (label, which)
        for label in grid.labels
        if results.get(label)
        for which in grid.checkpoints
    ]
    several = len(grid.checkpoints) > 1
    names = [f"{m} ({which})" if several else m for m, which in rows]
    attacks = dict.fromkeys(("natural", *grid.attacks))
    accuracies = [
        Column(
            attack,
            [
                [100 * _accuracy(one, which, attack) for one in results[label]]
                for label, which in rows
            ],
            highest_wins=True,
        )
        for attack in attacks
    ]
    by_row = [results[label] for label, _ in rows]
    costs = [_column(name, cost, by_row) for name, cost in COSTS.items()]
    title = _title(grid, by_row[0][0])
    return ResultsTable(title, names, (*accuracies, *costs), (LEGEND,))


def _summary(grid: Grid, result: RunResult) -> str:
    """What a run reached, in the order of the table's columns."""
    which = grid.checkpoints[0]
    return ", ".join(
        f"{attack} {_accuracy(result, which, attack):.2%}"
        for attack in dict.fromkeys(("natural", *grid.attacks))
    )


def _accuracy(result: RunResult, which: str, attack: str) -> float:
    return result.reports[which]["attacks"][attack]["accuracy"]


@dataclass(frozen=True)
class Cost:
    """A column of costs.

    Args:
        of: Reads it from a result; `None` where it was not measured.
        digits: Digits after the point.
    """

    of: Callable[[RunResult], float | None]
    digits: int


COSTS: dict[str, Cost] = {
    "s/step": Cost(lambda result: result.seconds_per_step, 3),
    "s/epoch": Cost(lambda result: result.seconds_per_epoch, 1),
    "F": Cost(lambda result: result.passes.forward, 1),
    "Bi": Cost(lambda result: result.passes.to_input, 1),
    "Bw": Cost(lambda result: result.passes.to_weights, 1),
    "MiB": Cost(lambda result: result.peak_memory / 2**20, 0),
}
"""What training a row costs, by the name of the column."""

LEGEND = (
    "s/step: median time of a training step; s/epoch: that times the steps of "
    "an epoch; F, Bi, Bw: forward passes, backward passes to the input and to "
    "the weights in a step; MiB: peak memory of training"
)
"""What the columns of `COSTS` hold."""


def _column(name: str, cost: Cost, rows: Sequence[Results]) -> Column:
    """A column of means; the spread of a cost is not shown."""
    measured = [
        [v for result in row if (v := cost.of(result)) is not None]
        for row in rows
    ]
    means = [[statistics.fmean(row)] if row else [] for row in measured]
    return Column(name, means, cost.digits)


def _title(grid: Grid, result: RunResult) -> str:
    report = result.reports[grid.checkpoints[0]]
    which = "all" if report["whole"] else "the first"
    architectures = dict.fromkeys(r.architecture for r in grid.recipes)
    epochs = list(dict.fromkeys(r.epochs for r in grid.recipes))
    return (
        f"{Path(grid.recipes[0].dataset).name}, {' and '.join(architectures)}, "
        f"{' and '.join(map(str, epochs))} {_number_of('epoch', epochs)}, "
        f"{which} {report['n_examples']} test "
        f"{_number_of('image', [report['n_examples']])}, "
        f"{report['norm']} eps {pixel_fraction(report['eps'])}, "
        f"{'seed' if len(grid.seeds) == 1 else 'seeds'} "
        f"{', '.join(map(str, grid.seeds))}"
    )


def _number_of(word: str, counts: Sequence[int]) -> str:
    return word if list(counts) == [1] else f"{word}s"


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
