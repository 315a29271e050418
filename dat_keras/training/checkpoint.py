"""Step checkpoints: the whole state of a run, in one atomic folder.

A checkpoint is written into a temporary folder and renamed, so `kill -9` or a
full disk leaves the previous one. The last two are kept.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np

from dat_keras.training.model import AdversarialModel
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import sha256_of, write_json

STATE, METRICS, MANIFEST = "state.weights.h5", "metrics.npz", "manifest.json"
KEPT = 2


def save(model: AdversarialModel, folder: Path) -> Path:
    """Writes the model's state as `folder/step-<steps done>`.

    The state is: classifier, adversary, both optimizers, weight average,
    step counter, and the running means of the epoch's metrics.

    Args:
        model: A compiled model.
        folder: Where checkpoints are kept; made if missing.

    Returns:
        The checkpoint's folder.

    Raises:
        OSError: If it cannot be written; earlier checkpoints are untouched.
    """
    step = int(model.step.numpy())
    final = folder / f"step-{step:08d}"
    if final.exists():
        return final
    beside = folder / f".step-{step:08d}.{os.getpid()}"
    try:
        beside.mkdir(parents=True)
        model.save_weights(beside / STATE)
        values = {v.path: v.numpy() for v in _metric_variables(model)}
        np.savez(beside / METRICS, **values)
        hashes = {name: sha256_of(beside / name) for name in (STATE, METRICS)}
        write_json(beside / MANIFEST, {"step": step, "sha256": hashes})
        _flush(beside)
        beside.rename(final)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for old in steps(folder)[:-KEPT]:
        shutil.rmtree(old)
    return final


def steps(folder: Path) -> list[Path]:
    """Returns the checkpoints in a folder, oldest first.

    Example:
    >>> steps(Path("nowhere"))
    []
    """
    return sorted(folder.glob("step-????????"))


def restore(model: AdversarialModel, folder: Path) -> int:
    """Puts the newest checkpoint of a folder into a compiled model.

    Args:
        model: A model made from the same recipe.
        folder: Where checkpoints are kept.

    Returns:
        The number of steps done.

    Raises:
        DamagedFileError: If there is none, or its files are not those that
            were written.
    """
    found = steps(folder)
    if not found:
        raise DamagedFileError(f"no checkpoint in {folder}: nothing to resume")
    newest = found[-1]
    _verify(newest, found)
    model.load_weights(newest / STATE)
    with np.load(newest / METRICS) as values:
        for variable in _metric_variables(model):
            variable.assign(values[variable.path])
    return int(model.step.numpy())


def _verify(checkpoint: Path, found: list[Path]) -> None:
    try:
        hashes = json.loads((checkpoint / MANIFEST).read_text())["sha256"]
        bad = [n for n in hashes if sha256_of(checkpoint / n) != hashes[n]]
    except (OSError, ValueError, KeyError):
        bad = [MANIFEST]
    if bad:
        older = f" to resume from {found[-2].name}" if len(found) > 1 else ""
        raise DamagedFileError(
            f"checkpoint {checkpoint} is damaged ({bad[0]} is missing or "
            f"changed): delete this folder{older}"
        )


def _metric_variables(model: AdversarialModel) -> list:
    return [v for m in model.train_metrics.values() for v in m.variables]


def _flush(folder: Path) -> None:
    """Makes the files durable before the rename makes them visible."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
