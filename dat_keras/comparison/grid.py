"""A grid of runs, rows of a table by seeds, as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dat_keras.comparison.further_measures import FurtherMeasures
from dat_keras.comparison.measured_norms import MeasuredNorms
from dat_keras.comparison.report_files import OF_A_RUN
from dat_keras.comparison.row_spec import RowSpec, check_distinct
from dat_keras.core.threat_models import threat_model_of
from dat_keras.evaluation.eot import check_eot
from dat_keras.evaluation.suites import EVALUATIONS, evaluation_of_name
from dat_keras.objectives import OBJECTIVES
from dat_keras.recipes import RECIPES, Recipe, resolve
from dat_keras.utils.attack_names import check_attack
from dat_keras.utils.registry import lookup

CHECKPOINTS = {"best": "best", "last": "last"}
"""Weights of a run that can be evaluated, by name."""


@dataclass(frozen=True)
class Grid:
    """What is compared: one recipe a row, each with several seeds.

    Args:
        labels: Names of the rows.
        recipes: The recipe of each row; their seeds are not used.
        seeds: Seeds of training and evaluation.
        attacks: Keys of `EVALUATIONS`, or `pgdN`; natural accuracy is always
            measured.
        n_examples: First test images used; `None` is all.
        checkpoints: `"best"`, `"last"` or both: the weights to evaluate.
        further: What is measured beside attacks.
        norms: The norms in which every attack is run, with their radii.

    Raises:
        ValueError: If a name is unknown or comes twice, or the recipes are
            of several data sets.

    Example:
    >>> grid = grid_of(("natural", "dat"), {"epochs": 1}, seeds=(0, 1))
    >>> [run.name for run in grid.runs(Path("grid"))][:3]
    ['natural-seed0', 'natural-seed1', 'dat-seed0']
    """

    labels: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...] = (0,)
    attacks: tuple[str, ...] = ("natural", "fgsm", "pgd20")
    n_examples: int | None = None
    checkpoints: tuple[str, ...] = ("best",)
    further: FurtherMeasures = FurtherMeasures()
    norms: MeasuredNorms = MeasuredNorms()

    def __post_init__(self) -> None:
        """Refuses grids that cannot be run."""
        for name in self.attacks:
            check_attack(name, EVALUATIONS)
        for name in self.checkpoints:
            lookup(CHECKPOINTS, name, "checkpoint")
        for name in ("labels", "seeds", "attacks", "checkpoints"):
            if not getattr(self, name):
                raise ValueError(
                    f"`{name}` must hold at least one value. Received: ()"
                )
            check_distinct(name, getattr(self, name))
        threat_model = threat_model_of(*self.norms.radii[0])
        evaluations = {
            name: evaluation_of_name(name, threat_model)
            for name in self.attacks
        }
        check_eot(self.further.eot, evaluations, sharded=False)
        if self.further.transfer and len(self.labels) < 2:
            raise ValueError(
                f"`transfer` needs two rows. Received: {', '.join(self.labels)}"
            )
        if self.further.certify and not any(
            map(self.further.certify_in, self.norms.names)
        ):
            raise ValueError(
                "`certify` bounds the classifier in linf, which must be among "
                f"the norms. Received: {', '.join(self.norms.names)}"
            )
        if min(self.seeds) < 0:
            raise ValueError(
                f"`seeds` must be at least 0. Received: {self.seeds}"
            )
        datasets = {recipe.dataset for recipe in self.recipes}
        if len(self.recipes) != len(self.labels) or len(datasets) != 1:
            raise ValueError(
                "`recipes` must hold one recipe a row, all of one data set. "
                f"Received: {len(self.recipes)} recipes for "
                f"{len(self.labels)} rows, data sets {sorted(datasets)}"
            )

    def runs(self, output: Path) -> Iterator[GridRun]:
        """Yields the runs, row by row.

        Args:
            output: The grid's folder.
        """
        for label, recipe in zip(self.labels, self.recipes, strict=True):
            for seed in self.seeds:
                folder = output / f"{label}-seed{seed}"
                yield GridRun(label, folder, replace(recipe, seed=seed), self)


@dataclass(frozen=True)
class GridRun:
    """One run of a grid.

    Args:
        label: Name of its row.
        folder: Its run folder.
        recipe: What to train.
        grid: How to evaluate it.
    """

    label: str
    folder: Path
    recipe: Recipe
    grid: Grid

    @property
    def name(self) -> str:
        """`<label>-seed<k>`."""
        return self.folder.name

    @property
    def costs(self) -> Path:
        """File of the measured costs."""
        return self.folder / "costs.json"

    @property
    def result(self) -> Path:
        """File of the results; a run that has it is finished."""
        return self.folder / OF_A_RUN


def grid_of(
    rows: Sequence[str | RowSpec],
    choice: Mapping[str, object],
    settings: Sequence[str] = (),
    **rest: object,
) -> Grid:
    """The grid of several methods and recipes on one data set.

    Args:
        rows: The rows; a string is a method or a recipe and its own label.
        choice: What `recipes.resolve` takes, for every row: `epochs`,
            `batch_size`, `limit`, `validation_images`; for every method also
            `dataset` and `architecture`, which a recipe fixes itself.
        settings: `key=value` for every row, `label:key=value` for one.
        **rest: Further fields of `Grid`.

    Raises:
        ValueError: For unknown names, unfit values, labels that come twice.

    Example:
    >>> grid = grid_of(("natural", "dat"), {}, ("epochs=3", "dat:beta=2"))
    >>> [recipe.epochs for recipe in grid.recipes]
    [3, 3]
    >>> grid.recipes[1].objective.beta
    2.0
    """
    specs = [RowSpec.of(row) if isinstance(row, str) else row for row in rows]
    labels = tuple(spec.label for spec in specs)
    check_distinct("labels", labels)
    scoped = [_scoped(setting) for setting in settings]
    for owner in filter(None, (owner for owner, _ in scoped)):
        lookup(dict.fromkeys(labels), owner, "row")
    # Without any method, `resolve` refuses a data set or an architecture.
    methods = [spec for spec in specs if spec.source not in RECIPES]
    for_recipes = {
        k: v
        for k, v in choice.items()
        if not methods or k not in ("dataset", "architecture")
    }
    recipes = []
    for spec in specs:
        shared = [s for owner, s in scoped if owner in ("", spec.label)]
        fields = for_recipes if spec.source in RECIPES else choice
        given = {**fields, "settings": (*shared, *spec.settings)}
        recipes.append(_recipe_of(spec.source, given))
    return Grid(labels, tuple(recipes), **rest)  # type: ignore[arg-type]


def _recipe_of(source: str, choice: Mapping[str, object]) -> Recipe:
    """The recipe of that name, or the one of a method with additions."""
    if source in RECIPES:
        return resolve({**choice, "recipe": source})
    kinds = dict.fromkeys((*OBJECTIVES, *RECIPES))
    lookup(kinds, source.partition("+")[0], "method or recipe")
    return resolve({**choice, "method": source})


def _scoped(setting: str) -> tuple[str, str]:
    """Splits `label:key=value`; without a label it is for all rows."""
    key, separator, value = setting.partition("=")
    owner, _, key = key.rpartition(":")
    return owner.strip(), f"{key}{separator}{value}"
