"""The number of steps of a run, which ramps, phases and averages depend on."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from dat_keras.objectives import Objective
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers.weight_averaging import Averaging


def reader_of_progress(
    objective: Objective,
    perturbation: WeightPerturbation,
    averaging: Averaging | None,
    attack_warmup: float = 0.0,
) -> str | None:
    """Names a part of a training that depends on the length of the run.

    Args:
        objective: The training method.
        perturbation: AWP.
        averaging: The weight average, or `None`.
        attack_warmup: Share of the run over which the attack grows.

    Returns:
        What to call that part, or `None` if nothing depends on the length.

    Example:
    >>> from dat_keras.objectives import TRADES
    >>> late = WeightPerturbation(0.005, start=0.05)
    >>> reader_of_progress(TRADES(), late, None)
    'AWP with start=0.05'
    """
    if attack_warmup:
        return f"attack_warmup={attack_warmup:g}"
    if objective.needs_run_length:
        return type(objective).__name__
    if perturbation.gamma and perturbation.start:
        return f"AWP with start={perturbation.start:g}"
    if averaging is not None and averaging.start:
        return f"the weight average with start={averaging.start:g}"
    return None


def steps_of_fit(
    fit: Callable, args: tuple, kwargs: Mapping[str, Any]
) -> int | None:
    """The number of steps that a call of `fit` runs, `None` if unknown.

    Args:
        fit: A method with the signature of `keras.Model.fit`.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Example:
    >>> x = tf.zeros((10, 2, 2, 1))
    >>> steps_of_fit(keras.Model().fit, (x,), {"batch_size": 4, "epochs": 2})
    6
    """
    bound = inspect.signature(fit).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    steps = given["steps_per_epoch"] or _steps_per_epoch(given)
    if steps is None:
        return None
    return steps * max(given["epochs"] - given["initial_epoch"], 0)


def _steps_per_epoch(given: Mapping[str, Any]) -> int | None:
    x = given["x"]
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    if hasattr(x, "cardinality"):
        # A method of a `tf.data.Dataset`, a property of a distributed one.
        size = x.cardinality() if callable(x.cardinality) else x.cardinality
        return int(size) if int(size) >= 0 else None
    shape = getattr(x, "shape", None)
    if shape is None:
        return len(x) if hasattr(x, "__len__") else None
    return math.ceil(training_rows(given) / (given["batch_size"] or 32))


def training_rows(given: Mapping[str, Any]) -> int:
    """The number of rows of an array that `fit` trains on; they come first.

    Args:
        given: Arguments of `fit` by name.

    Example:
    >>> training_rows({"x": tf.zeros((10, 2)), "validation_split": 0.3})
    7
    """
    held_out = given.get("validation_split") or 0
    return math.floor(given["x"].shape[0] * (1 - held_out))


def check_known(total_steps: keras.Variable, reader: str | None) -> None:
    """Refuses a step that reads its share of a run of unknown length.

    Args:
        total_steps: The number of steps of the run, 0 for unknown.
        reader: What depends on it, from `reader_of_progress`.

    Raises:
        ValueError: If it is needed and unknown.
    """
    if reader is None:
        return
    with tf.init_scope():
        known = int(total_steps.numpy())
    if not known:
        raise ValueError(
            f"{reader} depends on the length of the run: pass `total_steps` "
            "to `fit`, or call `model.total_steps.assign(n)` before "
            "`train_on_batch`. Received: total_steps=unknown"
        )
