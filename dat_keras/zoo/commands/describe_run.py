"""`describe_run`: recipe, validation accuracies and files of a run folder.

`recipe.json` and `history.csv` are read as plain data, so that neither Keras
nor TensorFlow is imported.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.extra_text import described_extra
from dat_keras.utils.files import sha256_of
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.run_folder import WEIGHTS, RunFolder

RECIPE_FIELDS = ("epochs", "batch_size", "limit", "seed", "precision")
"""Fields of a recipe that are shown as they are."""

SHOWN = ("val_accuracy", "val_robust_accuracy")
"""Columns of `history.csv` that are shown."""


def describe_run(path: Path) -> dict[str, Any]:
    """The facts about a run folder, as plain data.

    Args:
        path: The run folder; its training may still be going on.

    Raises:
        RunFolderError: If it is no run folder.
        DamagedFileError: If its recipe or its history cannot be read.
    """
    run = RunFolder(path)
    if not run.recipe.is_file():
        run.check_loadable("best")
    try:
        content = json.loads(run.recipe.read_text())
        facts = _recipe_facts(content)
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        reason = str(error) or type(error).__name__
        raise DamagedFileError(f"cannot read {run.recipe}: {reason}") from None
    return {
        "name": str(path),
        "where": "run folder",
        **facts,
        "validation": _validation(run, facts["method"]),
        "files": {
            file.name: f"{file.stat().st_size} bytes, sha256 {sha256_of(file)}"
            for file in map(run.weights, WEIGHTS)
            if file.is_file()
        },
        "checkpoints": _checkpoints(run),
    }


def _recipe_facts(content: dict[str, Any]) -> dict[str, Any]:
    recipe = content["recipe"]
    ball = recipe["eval_attack"]["threat_model"]
    eps = pixel_fraction(float(ball["eps"]))
    width, init = recipe.get("width"), recipe.get("init")
    # A pretrained net takes the place of the recipe's architecture.
    net = f"that of {init['source']}" if init else recipe["architecture"]
    return {
        "recipe": recipe["name"],
        "method": recipe["objective"]["class"],
        "architecture": net,
        "arguments": "" if width is None else f"width={width}",
        "input_shape": list(content["image_shape"]),
        "classes": list(content["class_names"]),
        "dataset": recipe["dataset"],
        "data_dir": content.get("data_dir"),
        "threat_model": f"{ball['class'].lower()} {eps}",
        "training": {name: recipe.get(name) for name in RECIPE_FIELDS},
        "extra": described_extra(recipe.get("extra")),
    }


def selection(method: str) -> tuple[str, ...]:
    """Names of the metrics that choose the best epoch, the first one first.

    Args:
        method: Class of the training method. What its class states as
            `selects_by` is repeated here, for the class needs TensorFlow.

    Example:
    >>> selection("Natural")
    ('accuracy',)
    """
    natural = method == "Natural"
    return ("accuracy",) if natural else ("robust_accuracy", "accuracy")


def _validation(run: RunFolder, method: str) -> dict[str, Any]:
    """Accuracies of the best and the last epoch on validation images.

    The best epoch is chosen as the training does for `best.safetensors`:
    ties go to the earlier one.
    """
    try:
        with run.history.open(newline="") as file:
            rows = [
                {name: float(row[name]) for name in ("epoch", *SHOWN)}
                for row in csv.DictReader(file)
            ]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DamagedFileError(f"cannot read {run.history}: {error}") from None
    if not rows:
        return {}
    names = [f"val_{name}" for name in selection(method)]
    best = max(rows, key=lambda row: [row[name] for name in names])
    return {"best": _text(best), "last": _text(rows[-1])}


def _text(row: dict[str, float]) -> str:
    natural, robust = (100 * row[name] for name in SHOWN)
    return (
        f"natural {natural:.2f} %, robust {robust:.2f} % "
        f"(epoch {int(row['epoch'])})"
    )


def _checkpoints(run: RunFolder) -> list[str]:
    if not run.checkpoints.is_dir():
        return []
    return sorted(path.name for path in run.checkpoints.glob("step-*"))
