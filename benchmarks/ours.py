"""Our training step, made ready to be timed against the peer's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dat_keras import AdversarialModel
from dat_keras.allocator import keep_freed_memory
from dat_keras.architectures import ARCHITECTURES
from dat_keras.objectives import OBJECTIVES, Objective
from dat_keras.optimizers import SGD


def objective_of(method: str, **changes: Any) -> Objective:
    """The method as its paper sets it, with fields changed."""
    return OBJECTIVES[method](**changes)


def make_step(
    net: str,
    objective: Objective,
    side: int = 32,
    classes: int = 10,
    jit_compile: bool = False,
    attack_dtype: str | None = None,
) -> Callable[[np.ndarray, np.ndarray], float]:
    """A function that runs one step on NumPy images and returns the loss."""
    classifier = ARCHITECTURES[net](
        num_classes=classes,
        input_shape=(side, side, 3),
        branches=objective.branches,
    )
    model = AdversarialModel(classifier, objective, attack_dtype=attack_dtype)
    model.compile(
        optimizer=SGD(0.1, momentum=0.9, weight_decay=5e-4),
        jit_compile=jit_compile,
    )
    step = tf.function(
        model.train_step, jit_compile=jit_compile, autograph=False
    )
    calls = 0

    def run(x: np.ndarray, y: np.ndarray) -> float:
        nonlocal calls
        logs = step((tf.constant(x), tf.constant(y)))
        loss = float(logs["loss"])
        calls += 1
        if calls < 5:
            keep_freed_memory()
        return loss

    return run
