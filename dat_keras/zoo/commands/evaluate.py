"""`evaluate` for whatever names a model: a run folder, a file, the zoo."""

from __future__ import annotations

import functools
import os
from typing import Any

import keras

from dat_keras.evaluation import evaluate as measuring
from dat_keras.evaluation.report import Report
from dat_keras.zoo.commands.load import load_model


@functools.wraps(measuring.evaluate)
def evaluate(
    model: keras.Model | str | os.PathLike[str], *args: Any, **kwargs: Any
) -> Report:
    """Loads a model that is named, and measures it."""
    if isinstance(model, str | os.PathLike):
        model = load_model(model)
    return measuring.evaluate(model, *args, **kwargs)
