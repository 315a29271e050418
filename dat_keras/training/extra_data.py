"""Extra images of a run: read, labelled and checked once, kept for resuming.

The run folder holds in `extra.npz` which rows of the source are trained on,
their labels, which rows were removed, and the SHA-256 of the source, so that a
resumed run trains on the same images with the same labels or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from dat_keras import data
from dat_keras.data import Batches, Split
from dat_keras.data.duplicates import NEAR, Duplicates
from dat_keras.data.extra_images import read_extra
from dat_keras.data.mixed_batches import MixedBatches
from dat_keras.recipes import Recipe
from dat_keras.training.pseudo_labels import described, pseudo_labels
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_whole
from dat_keras.utils.zip_errors import ZIP_ERRORS

SHOWN = 5
"""Removed rows that a line names; `extra.npz` has all."""


@dataclass(frozen=True, eq=False)
class Extra:
    """The extra images of a run.

    Args:
        batches: Batches of real and extra images.
        sha256: Fingerprint of the source, before any was removed.
        rows: Rows of the source that these are, shape `(N,)`.
        removed: Rows that were removed: exact and near duplicates.
    """

    batches: MixedBatches
    sha256: str
    rows: np.ndarray
    removed: Duplicates

    def write(self, path: Path) -> None:
        """Writes the file of the run folder, whole or not at all."""
        write_whole(
            path,
            lambda file: np.savez(
                file,
                sha256=np.array(self.sha256),
                rows=self.rows,
                labels=self.batches.extra.labels,
                exact=self.removed.exact,
                near=self.removed.near,
            ),
        )


def prepared(
    recipe: Recipe,
    batches: Batches,
    validation: Split,
    data_dir: Path | None,
    load: Callable[[str], keras.Model],
    say: Callable[[str], None],
) -> Extra:
    """Reads, checks and labels the extra images of a new run.

    Images that are in the test or the validation split, or near duplicates of
    one there, are removed.

    Args:
        recipe: The recipe; it has extra images.
        batches: Batches of the real images.
        validation: All validation images of the data set.
        data_dir: Folder of prepared data sets.
        load: Returns the classifier that labels, by its name.
        say: Receives what was read, labelled and removed.

    Raises:
        ValueError: If images, classes or labeller do not fit the data set.
        DatKerasError: If they are not there or damaged.
    """
    source, labeller = str(recipe.extra.source), recipe.extra.labels
    found = read_extra(source, batches.split, data_dir, labeller is None)
    sha256 = found.fingerprint()
    held = [validation.images]
    if "test" in data.splits_of(recipe.dataset, data_dir):
        test = data.load_split(recipe.dataset, "test", data_dir=data_dir)
        held.append(test.images)
    removed = Duplicates.of(found.images, held)
    gone = np.concatenate([removed.exact, removed.near])
    rows = np.delete(np.arange(len(found)), gone)
    say(f"extra: {len(found)} images of {source}; {_leak(removed, len(held))}")
    if not len(rows):
        raise ValueError(
            "Extra images must be others than those of the evaluation. "
            f"Received: {source}, of which all {len(found)} were removed"
        )
    kept = found.rows(rows)
    if labeller is not None:
        labels, sure = pseudo_labels(load(labeller), kept)
        kept = Split(kept.images, labels, kept.class_names, kept.name)
        spread = described(sure, labels, kept.num_classes)
        say(f"extra: labelled by {labeller}, {spread}")
    return Extra(_mixed(recipe, batches, kept), sha256, rows, removed)


def restored(
    recipe: Recipe, batches: Batches, data_dir: Path | None, path: Path
) -> Extra:
    """Reads the extra images of a run again, with the labels that it has.

    Args:
        recipe: The recipe; it has extra images.
        batches: Batches of the real images.
        data_dir: Folder of prepared data sets.
        path: The file that `Extra.write` wrote.

    Raises:
        ValueError: If the source is not what the run began with.
        DamagedFileError: If the file cannot be read.
    """
    source, labelled = str(recipe.extra.source), recipe.extra.labels is None
    found = read_extra(source, batches.split, data_dir, labelled)
    try:
        with np.load(path, allow_pickle=False) as file:
            sha256, rows, labels = (
                file[key] for key in ("sha256", "rows", "labels")
            )
            removed = Duplicates(file["exact"], file["near"])
    except (OSError, ValueError, KeyError, *ZIP_ERRORS) as error:
        raise DamagedFileError(
            f"cannot read {path}: {error}; begin again with --overwrite"
        ) from None
    if found.fingerprint() != str(sha256):
        raise ValueError(
            "The run trains on other extra images than are there now: restore "
            f"them, or train again into another folder. Received: {source}, "
            f"the run has sha256 {sha256}"
        )
    kept = found.rows(rows)
    split = Split(kept.images, labels, kept.class_names, kept.name)
    return Extra(_mixed(recipe, batches, split), str(sha256), rows, removed)


def _mixed(recipe: Recipe, batches: Batches, extra: Split) -> MixedBatches:
    return MixedBatches(
        batches.split,
        extra,
        recipe.extra.fraction,
        batches.batch_size,
        seed=batches.seed,
    )


def _leak(found: Duplicates, sets: int) -> str:
    """Says which rows were removed."""
    where = f"{'test and ' * (sets > 1)}validation images"
    if not len(found.exact) and not len(found.near):
        return f"no duplicates of {where}"
    return (
        f"removed as duplicates of {where}: {len(found.exact)} exact"
        f"{_rows(found.exact)} and {len(found.near)} near ones"
        f"{_rows(found.near)}, whose dHash differs in at most {NEAR} of 128 "
        "bits"
    )


def _rows(rows: np.ndarray) -> str:
    if not len(rows):
        return ""
    listed = ", ".join(map(str, rows[:SHOWN]))
    return f" (rows {listed}{', ...' if len(rows) > SHOWN else ''})"
