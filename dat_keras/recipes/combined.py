"""The rows of DAT's paper that combine a method with AWP, SWA or AAG.

    dat-keras train --recipe dat+awp+swa-cifar10-resnet18

Expected on a GPU (reported by the paper, CIFAR-10, PGD-20 / AutoAttack, %):
DAT+AWP+SWA 58.84 / 52.76 on ResNet-18 and 63.65 / 58.12 on WRN-34-10,
TRADES+AWP+SWA 55.21 / 51.14 and 60.25 / 55.37, IDBH with both 57.48 / 52.31
and 62.47 / 57.64. 200 epochs, drops after 100 and 150.
With DAT's generator (AAG), on ResNet-18: PGD-AT 55.64 / 50.96, TRADES 55.45 /
50.75, in the common schedule.
"""

from __future__ import annotations

from dat_keras.recipes.additions import extended
from dat_keras.recipes.base import Recipe
from dat_keras.recipes.paper import ARCHITECTURES, PAPER, SCHEDULES

ROWS = (
    "pgd-at+aag",
    "trades+aag",
    "trades+awp",
    "trades+awp+swa",
    "scarl+awp",
    "las-at+awp",
    "idbh+awp+swa",
    "dat+awp",
    "dat+awp+swa",
)
"""Methods with their additions, as in the paper's tables."""


def _recipe(row: str, place: str) -> Recipe:
    method, *additions = row.split("+")
    return extended(PAPER[f"{method}-{place}"], additions)


COMBINED: dict[str, Recipe] = {
    f"{row}-{dataset}-{architecture}": _recipe(row, f"{dataset}-{architecture}")
    for row in ROWS
    for dataset in SCHEDULES
    for architecture in ARCHITECTURES
}
"""Recipes with AWP or AAG by name."""
