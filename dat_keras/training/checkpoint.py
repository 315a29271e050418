"""Step checkpoints: the whole state of a run, in one atomic folder.

A checkpoint is written into a temporary folder and renamed, so `kill -9` or a
full disk leaves the previous one. Kept are the last two, and the one of the
last epoch's end.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dat_keras.core.keras_private import reuse_skipped_attributes
from dat_keras.training import running_means
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import (
    check_space,
    sha256_of,
    temporary_path,
    write_json,
)

STATE, METRICS, MANIFEST = "state.weights.h5", "metrics.npz", "manifest.json"
KEPT = 2


def save(
    model: AdversarialModel,
    folder: Path,
    *,
    epoch_began: int | None = None,
    rate_factor: float = 1.0,
    writes: bool = True,
) -> Path:
    """Writes the model's state as `folder/step-<steps done>`.

    The state is: classifier with its random layers, adversary, both
    optimizers, weight average, step counter, and the running means of the
    epoch's metrics.

    Args:
        model: A compiled model.
        folder: Where checkpoints are kept; made if missing.
        epoch_began: The step before the epoch's first; its checkpoint is kept
            besides the last two.
        rate_factor: What the recipe's learning rate is multiplied by, after
            rollbacks.
        writes: Whether this process writes. All processes of a run call this
            together, one of them writes.

    Returns:
        The checkpoint's folder.

    Raises:
        OSError: If it cannot be written; earlier checkpoints are untouched.
    """
    step = int(model.step.numpy())
    final = path_of(folder, step)
    values: dict[str, Any] = {**running_means.read(model)}
    if final.exists() or not writes:
        return final
    beside = temporary_path(final)
    try:
        beside.mkdir(parents=True)
        check_space(beside, _size(model))
        model.save_weights(beside / STATE)
        reuse_skipped_attributes()
        np.savez(beside / METRICS, **values)
        hashes = {name: sha256_of(beside / name) for name in (STATE, METRICS)}
        write_json(
            beside / MANIFEST,
            {"step": step, "rate_factor": rate_factor, "sha256": hashes},
        )
        _flush(beside)
        beside.rename(final)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for old in steps(folder)[:-KEPT]:
        if epoch_began is None or old != path_of(folder, epoch_began):
            shutil.rmtree(old)
    return final


def path_of(folder: Path, step: int) -> Path:
    """Returns the folder of the checkpoint after a number of steps.

    Example:
    >>> path_of(Path("a"), 12).name
    'step-00000012'
    """
    return folder / f"step-{step:08d}"


def step_of(checkpoint: Path) -> int:
    """Returns the number of steps after which a checkpoint was written.

    Example:
    >>> step_of(Path("a/step-00000012"))
    12
    """
    return int(checkpoint.name.rpartition("-")[2])


def steps(folder: Path) -> list[Path]:
    """Returns the checkpoints in a folder, oldest first.

    Example:
    >>> steps(Path("nowhere"))
    []
    """
    return sorted(folder.glob("step-????????"))


def newest(folder: Path, say: Callable[[str], None]) -> Path | None:
    """Returns the newest checkpoint whose files are those that were written.

    Args:
        folder: Where checkpoints are kept.
        say: Receives a sentence about each newer one that is damaged.

    Returns:
        The checkpoint's folder; `None` if there never was one.

    Raises:
        DamagedFileError: If all are damaged.
    """
    found = steps(folder)
    for checkpoint in reversed(found):
        bad = damage(checkpoint)
        if bad is None:
            return checkpoint
        say(f"checkpoint {checkpoint} is damaged ({bad} is missing or changed)")
    if found:
        raise DamagedFileError(
            f"every checkpoint in {folder} is damaged, the newest in "
            f"{damage(found[-1])}: begin again with --overwrite"
        )
    return None


def damage(checkpoint: Path) -> str | None:
    """Returns the first file of a checkpoint that is missing or changed.

    Args:
        checkpoint: The checkpoint's folder.
    """
    try:
        hashes = json.loads((checkpoint / MANIFEST).read_text())["sha256"]
        names = {STATE, METRICS} | hashes.keys()
        bad = [
            name
            for name in sorted(names)
            if sha256_of(checkpoint / name) != hashes[name]
        ]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return MANIFEST
    return bad[0] if bad else None


def rate_factor_of(checkpoint: Path) -> float:
    """Returns what the learning rate was multiplied by, after rollbacks.

    Args:
        checkpoint: The folder of a checkpoint that is not damaged.
    """
    return json.loads((checkpoint / MANIFEST).read_text())["rate_factor"]


def load(model: AdversarialModel, checkpoint: Path) -> int:
    """Puts a checkpoint into a compiled model.

    Args:
        model: A model made from the same recipe.
        checkpoint: The folder of a checkpoint that is not damaged.

    Returns:
        The number of steps done.
    """
    model.load_weights(checkpoint / STATE)
    with np.load(checkpoint / METRICS) as values:
        running_means.write(model, values)
    return int(model.step.numpy())


def discard_after(folder: Path, checkpoint: Path | None) -> None:
    """Removes the checkpoints that follow another one.

    Args:
        folder: Where checkpoints are kept.
        checkpoint: The one to go on from; `None` removes all.
    """
    for later in reversed(steps(folder)):
        if checkpoint is None or later.name > checkpoint.name:
            shutil.rmtree(later)


def restore(
    model: AdversarialModel,
    folder: Path,
    say: Callable[[str], None] = lambda sentence: None,
) -> int:
    """Puts the newest whole checkpoint of a folder into a compiled model.

    Args:
        model: A model made from the same recipe.
        folder: Where checkpoints are kept.
        say: Receives a sentence about each newer one that is damaged.

    Returns:
        The number of steps done.

    Raises:
        DamagedFileError: If there is none, or all are damaged.
    """
    found = newest(folder, say)
    if found is None:
        raise DamagedFileError(f"no checkpoint in {folder}: nothing to resume")
    return load(model, found)


def _size(model: AdversarialModel) -> int:
    """Bytes of a checkpoint: values of four bytes, and HDF5's own."""
    optimizers = (model.optimizer, getattr(model.adversary, "optimizer", None))
    moved = [v for o in optimizers if o is not None for v in o.variables]
    return sum(4 * math.prod(v.shape) + 2048 for v in model.variables + moved)


def _flush(folder: Path) -> None:
    """Makes the files durable before the rename makes them visible."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
