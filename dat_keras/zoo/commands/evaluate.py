"""The functions that measure models, for models that are named."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from dat_keras.evaluation import attack as attacking
from dat_keras.evaluation import certify as certifying
from dat_keras.evaluation import corruptions as corrupting
from dat_keras.evaluation import evaluate as measuring
from dat_keras.evaluation import transfer as transferring
from dat_keras.evaluation import unions as uniting
from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.union_report import UnionReport
from dat_keras.zoo.commands.load import load_model


@functools.wraps(measuring.evaluate)
def evaluate(
    model: keras.Model | str | os.PathLike[str], *args: Any, **kwargs: Any
) -> Report:
    """Loads a model that is named, and measures it."""
    return measuring.evaluate(_loaded(model), *args, **kwargs)


@functools.wraps(certifying.certify)
def certify(
    model: keras.Model | str | os.PathLike[str], *args: Any, **kwargs: Any
) -> Report:
    """Loads a model that is named, and certifies it."""
    return certifying.certify(_loaded(model), *args, **kwargs)


@functools.wraps(attacking.attack)
def attack(
    model: keras.Model | str | os.PathLike[str], *args: Any, **kwargs: Any
) -> np.ndarray:
    """Loads a model that is named, and attacks it."""
    return attacking.attack(_loaded(model), *args, **kwargs)


@functools.wraps(corrupting.evaluate_corruptions)
def evaluate_corruptions(
    model: keras.Model | str | os.PathLike[str], *args: Any, **kwargs: Any
) -> CorruptionReport:
    """Loads a model that is named, and measures it on corrupted images."""
    return corrupting.evaluate_corruptions(_loaded(model), *args, **kwargs)


@functools.wraps(uniting.evaluate_union)
def evaluate_union(
    model: keras.Model | str | os.PathLike[str], *args: Any, **kwargs: Any
) -> UnionReport:
    """Loads a model that is named, and measures it in several norms."""
    return uniting.evaluate_union(_loaded(model), *args, **kwargs)


@functools.wraps(transferring.transfer_matrix)
def transfer_matrix(
    models: Mapping[str, keras.Model | str | os.PathLike[str]],
    *args: Any,
    **kwargs: Any,
) -> transferring.TransferMatrix:
    """Loads models that are named, and attacks each on each."""
    loaded = {name: _loaded(model) for name, model in models.items()}
    return transferring.transfer_matrix(loaded, *args, **kwargs)


def _loaded(model: keras.Model | str | os.PathLike[str]) -> keras.Model:
    return load_model(model) if isinstance(model, str | os.PathLike) else model
