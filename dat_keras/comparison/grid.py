"""A grid of runs, method by seed, as a value and as a folder.

grid.json               the definition: every recipe, seeds, attacks
<method>-seed<k>/       a run folder (see `run_folder.py`), and in it
    costs.json          time of a step and memory
    evaluation.json     the cell's results, written last
table.{txt,md,csv,tex}  the table of all cells
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from dat_keras.evaluation.suites import EVALUATIONS
from dat_keras.recipes import Recipe, resolve
from dat_keras.utils.config import encode
from dat_keras.utils.errors import DamagedFileError, RunFolderError
from dat_keras.utils.files import clear, write_whole
from dat_keras.utils.locks import locked
from dat_keras.utils.registry import lookup

CHECKPOINTS = {"best": "best", "last": "last"}
"""Weights of a run that can be evaluated, by name."""


@dataclass(frozen=True)
class Grid:
    """What is compared: one recipe a method, each with several seeds.

    Args:
        methods: Names of the rows.
        recipes: The recipe of each method; their seeds do not count.
        seeds: Seeds of training and evaluation.
        attacks: Keys of `EVALUATIONS`; natural accuracy is always measured.
        n_examples: First test images used; `None` is all.
        checkpoints: `"best"`, `"last"` or both: the weights to evaluate.

    Raises:
        ValueError: If a name is unknown or comes twice, or the recipes are
            of several data sets.

    Example:
    >>> grid = grid_of(("natural", "dat"), {"epochs": 1}, seeds=(0, 1))
    >>> [cell.name for cell in grid.cells(Path("grid"))][:3]
    ['natural-seed0', 'natural-seed1', 'dat-seed0']
    """

    methods: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...] = (0,)
    attacks: tuple[str, ...] = ("natural", "fgsm", "pgd20")
    n_examples: int | None = None
    checkpoints: tuple[str, ...] = ("best",)

    def __post_init__(self) -> None:
        """Refuses grids that cannot be carried out."""
        for name in self.attacks:
            lookup(EVALUATIONS, name, "attack")
        for name in self.checkpoints:
            lookup(CHECKPOINTS, name, "checkpoint")
        for name in ("methods", "seeds", "attacks", "checkpoints"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(
                    f"`{name}` must hold at least one value, and none twice. "
                    f"Received: {values}"
                )
        if min(self.seeds) < 0:
            raise ValueError(
                f"`seeds` must be at least 0. Received: {self.seeds}"
            )
        datasets = {recipe.dataset for recipe in self.recipes}
        if len(self.recipes) != len(self.methods) or len(datasets) != 1:
            raise ValueError(
                "`recipes` must hold one recipe a method, all of one data set. "
                f"Received: {len(self.recipes)} recipes for "
                f"{len(self.methods)} methods, data sets {sorted(datasets)}"
            )

    def cells(self, output: Path) -> Iterator[Cell]:
        """Yields the cells, method by method.

        Args:
            output: The grid's folder.
        """
        for method, recipe in zip(self.methods, self.recipes, strict=True):
            for seed in self.seeds:
                folder = output / f"{method}-seed{seed}"
                yield Cell(method, folder, replace(recipe, seed=seed), self)


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Args:
        method: Name of its row.
        folder: Its run folder.
        recipe: What to train.
        grid: How to evaluate it.
    """

    method: str
    folder: Path
    recipe: Recipe
    grid: Grid

    @property
    def name(self) -> str:
        """`<method>-seed<k>`."""
        return self.folder.name

    @property
    def costs(self) -> Path:
        """File of the measured costs."""
        return self.folder / "costs.json"

    @property
    def result(self) -> Path:
        """File of the results; a cell that has it is finished."""
        return self.folder / "evaluation.json"


def grid_of(
    methods: Sequence[str],
    choice: Mapping[str, object],
    settings: Sequence[str] = (),
    **rest: object,
) -> Grid:
    """The grid of several methods on one data set.

    Args:
        methods: What `recipes.choose` takes as a method.
        choice: What `recipes.resolve` takes, for every method: `dataset`,
            `architecture`, `epochs`, `batch_size`, `limit`.
        settings: `key=value` for every method, `method:key=value` for one.
        **rest: Further fields of `Grid`.

    Raises:
        ValueError: For unknown names and unfit values.

    Example:
    >>> grid = grid_of(("natural", "dat"), {}, ("epochs=3", "dat:beta=2"))
    >>> [recipe.epochs for recipe in grid.recipes]
    [3, 3]
    >>> grid.recipes[1].objective.beta
    2.0
    """
    scoped = [_scoped(setting) for setting in settings]
    for owner in filter(None, (owner for owner, _ in scoped)):
        lookup(dict.fromkeys(methods), owner, "method")
    recipes = tuple(
        resolve(
            {
                **choice,
                "method": name,
                "settings": [s for owner, s in scoped if owner in ("", name)],
            }
        )
        for name in methods
    )
    return Grid(tuple(methods), recipes, **rest)  # type: ignore[arg-type]


def _scoped(setting: str) -> tuple[str, str]:
    """Splits `method:key=value`; without a method it is for all."""
    key, separator, value = setting.partition("=")
    owner, _, key = key.rpartition(":")
    return owner.strip(), f"{key}{separator}{value}"


@contextmanager
def prepared(
    grid: Grid, output: Path, resume: bool = False, overwrite: bool = False
) -> Iterator[None]:
    """Makes the folder of a grid, and keeps others out inside a `with`.

    Args:
        grid: The grid.
        output: Its folder.
        resume: Take a folder that holds this very grid.
        overwrite: Remove a grid that is there.

    Raises:
        RunFolderError: If it holds a grid and neither flag is given, or
            other files; with `resume`, if it holds none or another grid; if
            another comparison is at work there. A grid whose first cell was
            refused holds no run: a new one takes its place.
        DamagedFileError: If its definition cannot be read.
    """
    path, wanted = output / "grid.json", _plain(grid)
    if resume:
        _check_same(path, wanted)
    output.mkdir(parents=True, exist_ok=True)
    with locked(output):
        if not resume:
            _begin(path, wanted, overwrite)
        yield


def _begin(path: Path, wanted: dict, overwrite: bool) -> None:
    output = path.parent
    if path.exists() and overwrite:
        clear(output)
    elif any(child != path for child in output.iterdir()):
        what = "a grid" if path.exists() else "other files"
        raise RunFolderError(
            f"{output} already holds {what}: choose another --output"
            + (", or pass --resume or --overwrite" if "grid" in what else "")
        )
    text = json.dumps(wanted, indent=2) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def _plain(grid: Grid) -> dict:
    # Through text, as it will be read back.
    return json.loads(json.dumps(encode(grid)))


def _check_same(path: Path, wanted: dict) -> None:
    if not path.exists():
        raise RunFolderError(f"{path.parent} holds no grid to resume")
    try:
        found = json.loads(path.read_text())
        differ = [
            field.name
            for field in fields(Grid)
            if found[field.name] != wanted[field.name]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(f"cannot read {path}: {error!r}") from None
    if differ:
        raise RunFolderError(
            f"{path.parent} holds another grid: {' and '.join(differ)} differ; "
            "repeat the options that it was started with, or choose another "
            "--output"
        )
