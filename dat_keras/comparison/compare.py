"""Trains and evaluates a grid of methods and seeds, one cell at a time."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dat_keras.comparison.cell import CellResult, carry_out
from dat_keras.comparison.grid import Grid, prepared
from dat_keras.comparison.results_table import Column, Standings
from dat_keras.training.train import RunOptions
from dat_keras.utils.child_process import in_own_process
from dat_keras.utils.files import write_whole
from dat_keras.utils.norms import pixel_fraction

Run = Callable[..., None]
"""Calls a function with its arguments, somewhere."""

Row = Sequence[CellResult]
"""The cells of a method, one a seed."""


def compare(
    grid: Grid,
    output: Path,
    *,
    data_dir: Path | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008
    run: Run = in_own_process,
) -> Standings:
    """Carries out a grid and leaves its folder (see `grids.py`).

    Finished cells stay as they are, an interrupted one is resumed: a killed
    comparison that goes on ends with the accuracies of an uninterrupted one.

    Args:
        grid: What to compare.
        output: The grid's folder.
        data_dir: Folder of prepared data sets.
        options: How to carry it out. It must be possible to pickle it, for
            a process of its own.
        run: Where a cell is carried out. Default: in a process of its own,
            so that its peak memory is its own; a script must then keep its
            work behind `if __name__ == "__main__":`.

    Returns:
        The table, which is also written as text, Markdown, CSV and LaTeX.

    Raises:
        RunFolderError: If the folder is in use, or holds another grid.
        DamagedFileError: If a file to go on from is damaged.
    """
    with prepared(grid, output, options.resume, options.overwrite):
        cells = list(grid.cells(output))
        for i, cell in enumerate(cells, 1):
            done = cell.result.exists()
            state = ", finished before" if done else ""
            options.say(f"cell {i} of {len(cells)}: {cell.name}{state}")
            if not done:
                run(carry_out, cell, data_dir, options)
        results: dict[str, list[CellResult]] = {m: [] for m in grid.methods}
        for cell in cells:
            results[cell.method].append(CellResult.read(cell.result))
        table = standings(grid, results)
        _write(table, output)
    return table


def standings(grid: Grid, results: Mapping[str, Row]) -> Standings:
    """The table of a grid's results.

    Accuracies are in percent; the costs of a method are the means over its
    seeds: `s/step` the median time of a step, `F`, `Bi` and `Bw` the forward
    passes and the backward passes to the input and to the weights of one
    step, `MiB` the peak memory of training.

    Args:
        grid: The grid.
        results: Results by method, one a seed.
    """
    rows = [(m, which) for m in grid.methods for which in grid.checkpoints]
    several = len(grid.checkpoints) > 1
    names = [f"{m} ({which})" if several else m for m, which in rows]
    attacks = dict.fromkeys(("natural", *grid.attacks))
    accuracies = [
        Column(
            attack,
            [
                [100 * _accuracy(cell, which, attack) for cell in results[m]]
                for m, which in rows
            ],
            highest_wins=True,
        )
        for attack in attacks
    ]
    cells = [results[m] for m, _ in rows]
    costs = [_column(name, cost, cells) for name, cost in COSTS.items()]
    return Standings(_title(grid, results), names, (*accuracies, *costs))


def _accuracy(cell: CellResult, which: str, attack: str) -> float:
    return cell.reports[which]["attacks"][attack]["accuracy"]


@dataclass(frozen=True)
class Cost:
    """A column of costs.

    Args:
        of: Reads it from a cell; `None` where it was not measured.
        digits: Digits after the point.
    """

    of: Callable[[CellResult], float | None]
    digits: int


COSTS: dict[str, Cost] = {
    "s/step": Cost(lambda cell: cell.seconds_per_step, 3),
    "F": Cost(lambda cell: cell.passes.forward, 1),
    "Bi": Cost(lambda cell: cell.passes.to_input, 1),
    "Bw": Cost(lambda cell: cell.passes.to_weights, 1),
    "MiB": Cost(lambda cell: cell.peak_memory / 2**20, 0),
}
"""What a method costs, by the name of the column."""


def _column(name: str, cost: Cost, rows: Sequence[Row]) -> Column:
    """A column of means: nobody asks for the spread of a cost."""
    measured = [
        [v for cell in row if (v := cost.of(cell)) is not None] for row in rows
    ]
    means = [[statistics.fmean(row)] if row else [] for row in measured]
    return Column(name, means, cost.digits)


def _title(grid: Grid, results: Mapping[str, Row]) -> str:
    report = results[grid.methods[0]][0].reports[grid.checkpoints[0]]
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


def _write(table: Standings, output: Path) -> None:
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
