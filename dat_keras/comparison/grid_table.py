"""The table of a grid's results: accuracies, and what training costs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dat_keras.comparison.grid import Grid
from dat_keras.comparison.grid_run import RunResult
from dat_keras.comparison.results_table import Column, ResultsTable

TRANSFER = "transfer"
"""Column of the accuracy on the adversarial images of all rows."""

Results = Sequence[RunResult]
"""The results of a row, one a seed."""


def table_of(
    grid: Grid,
    results: Mapping[str, Results],
    transfer: Mapping[tuple[str, str], Sequence[float]] = MappingProxyType({}),
) -> ResultsTable:
    """The table of a grid's results.

    Accuracies are in percent; the costs of a row are the means over its
    seeds, see `LEGEND`.

    Args:
        grid: The grid.
        results: Results by label, one a seed; rows without any are left out.
        transfer: What `transfer_accuracies` returned, if anything.
    """
    rows = [
        (label, which)
        for label in grid.labels
        if results.get(label)
        for which in grid.checkpoints
    ]
    several = len(grid.checkpoints) > 1
    names = [f"{m} ({which})" if several else m for m, which in rows]
    accuracies = [
        Column(
            name,
            [
                [
                    100 * _accuracies(grid, one, which)[name]
                    for one in results[label]
                ]
                for label, which in rows
            ],
            highest_wins=True,
        )
        for name in _names(grid)
    ]
    by_row = [results[label] for label, _ in rows]
    if transfer:
        shares = [[100 * share for share in transfer[row]] for row in rows]
        accuracies.append(Column(TRANSFER, shares, highest_wins=True))
    accuracies += _distances(
        [
            [grid.norms.distances(one.reports[which]) for one in results[label]]
            for label, which in rows
        ]
    )
    costs = [_column(name, cost, by_row) for name, cost in COSTS.items()]
    title = _title(grid, by_row[0][0])
    said = dict.fromkeys(
        f"{caution.level}: {name}: {caution.code}: {caution.advice}"
        for name, (label, which) in zip(names, rows, strict=True)
        for one in results[label]
        for caution in one.cautions(which)
    )
    return ResultsTable(title, names, (*accuracies, *costs), (LEGEND, *said))


def summary(grid: Grid, result: RunResult) -> str:
    """What a run reached, in the order of the table's columns."""
    found = _accuracies(grid, result, grid.checkpoints[0])
    return ", ".join(f"{name} {each:.2%}" for name, each in found.items())


def _names(grid: Grid) -> tuple[str, ...]:
    """Names of the columns of accuracies."""
    return (*grid.norms.columns(_attacks(grid)), *grid.further.columns)


def _attacks(grid: Grid) -> tuple[str, ...]:
    """The attacks, natural accuracy first, named or not."""
    return tuple(dict.fromkeys(("natural", *grid.attacks)))


def _accuracies(grid: Grid, result: RunResult, which: str) -> dict[str, float]:
    report = result.reports[which]
    found = grid.norms.accuracies(report, _attacks(grid))
    corrupted = result.corrupted.get(which)
    found += grid.further.accuracies(grid.norms.single(report), corrupted)
    return dict(zip(_names(grid), found, strict=True))


def _distances(rows: Sequence[Sequence[dict[str, float]]]) -> list[Column]:
    """Columns of median distances, for each row one of each seed."""
    names = rows[0][0]
    return [
        Column(
            name,
            [
                [one[name] for one in row if one[name] < math.inf]
                for row in rows
            ],
            highest_wins=True,
        )
        for name in names
    ]


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
    report = grid.norms.single(result.reports[grid.checkpoints[0]])
    which = "all" if report["whole"] else "the first"
    architectures = dict.fromkeys(r.architecture for r in grid.recipes)
    epochs = list(dict.fromkeys(r.epochs for r in grid.recipes))
    return (
        f"{Path(grid.recipes[0].dataset).name}, {' and '.join(architectures)}, "
        f"{' and '.join(map(str, epochs))} {_number_of('epoch', epochs)}, "
        f"{which} {report['n_examples']} test "
        f"{_number_of('image', [report['n_examples']])}, "
        f"{grid.norms.title()}, {grid.further.title()}"
        f"{'seed' if len(grid.seeds) == 1 else 'seeds'} "
        f"{', '.join(map(str, grid.seeds))}"
    )


def _number_of(word: str, counts: Sequence[int]) -> str:
    return word if list(counts) == [1] else f"{word}s"
