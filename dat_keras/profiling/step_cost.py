"""Measures a training step: seconds, passes, arithmetic and peak memory."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dat_keras.classifiers.inspection import branch_models
from dat_keras.kernels.functional_graph import Graph
from dat_keras.profiling.pass_counts import Passes, passes_of_step
from dat_keras.profiling.step_timer import peak_memory
from dat_keras.recipes import Recipe
from dat_keras.training.build import build
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.runtime import keep_freed_memory

Batch = tuple[np.ndarray, np.ndarray]
"""Images `(B, H, W, C)` and labels `(B,)`."""

COUNTED_IMAGES = 4
"""Images of the batches on which passes are counted."""


@dataclass(frozen=True)
class StepCost:
    """One kind of step, measured.

    Args:
        seconds: Time of each timed step.
        first_seconds: Time of the first step, which traces and compiles.
        flops: Floating-point operations of a step in convolutions and dense
            layers of the classifier, by its passes.
        peak_memory: Largest resident memory of the process, in bytes.
    """

    seconds: tuple[float, ...]
    first_seconds: float
    flops: float
    peak_memory: int

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def gigaflops(self) -> float:
        """Arithmetic of the classifier a second, in GFLOP/s."""
        return self.flops / self.median / 1e9


def random_batch(
    size: int, image_shape: tuple[int, int, int], num_classes: int
) -> Batch:
    """Returns images and labels to time a step on.

    Example:
    >>> random_batch(4, (8, 8, 3), 10)[0].shape
    (4, 8, 8, 3)
    """
    draw = np.random.default_rng(0)
    x = draw.random((size, *image_shape), np.float32)
    return x, draw.integers(0, num_classes, size).astype(np.int32)


def stepper(model: AdversarialModel) -> Callable[[Batch], float]:
    """Returns the graph of a model's step as a function: batch to loss.

    Args:
        model: A compiled model.
    """
    step = tf.function(
        model.train_step, jit_compile=model.jit_compile, autograph=False
    )
    calls = 0

    def run(batch: Batch) -> float:
        nonlocal calls
        loss = float(step(tuple(map(tf.constant, batch)))["loss"])
        calls += 1
        if calls < 5:
            keep_freed_memory()
        return loss

    return run


def measure(
    model: AdversarialModel,
    batch: Batch,
    passes: Passes,
    *,
    rounds: int = 5,
    warm: int = 3,
) -> StepCost:
    """Times steps of a model on one batch, which trains it.

    Args:
        model: A compiled model.
        batch: Images and labels.
        passes: The passes of a step, as `passes_of_step` counts them.
        rounds: Steps timed.
        warm: Steps before them, the first one included.
    """
    run = stepper(model)
    first, *_ = [_seconds(run, batch) for _ in range(max(warm, 1))]
    seconds = tuple(_seconds(run, batch) for _ in range(rounds))
    images = len(batch[0])
    flops = 2.0 * multiply_adds(model.classifier) * images * passes.units
    return StepCost(seconds, first, flops, peak_memory())


def passes_of_recipe(
    recipe: Recipe,
    image_shape: tuple[int, int, int],
    num_classes: int,
    steps: int = 20,
) -> Passes:
    """Counts the passes of a recipe's steps, spread over its run.

    On a small net and batch: passes do not depend on sizes.

    Args:
        recipe: What would be trained.
        image_shape: `(H, W, C)`.
        num_classes: Number of classes.
        steps: Steps counted; their mean is returned.
    """
    small = replace(
        recipe,
        architecture="resnet8",
        width=4,
        batch_size=COUNTED_IMAGES,
        precision="float32",
        init=None,
        # At rate 0 the weights stay where no loss can become infinite.
        optimizer=replace(recipe.optimizer, learning_rate=0.0),
    )
    batch = random_batch(COUNTED_IMAGES, image_shape, num_classes)
    model = build(
        small,
        image_shape,
        num_classes,
        steps,
        # A teacher's own passes are not counted: any will do.
        load_teacher=lambda name: small.classifier(image_shape, num_classes),
    )
    return passes_of_step(model, batch, steps)


def multiply_adds(classifier: keras.Model) -> int:
    """Multiply-adds of a forward pass of one image, convolutions and dense.

    Args:
        classifier: A functional or branched classifier.

    Example:
    >>> from dat_keras.architectures import ResNet18
    >>> round(multiply_adds(ResNet18(10)) / 1e9, 3)
    0.555
    """
    graph = Graph.of(branch_models(classifier)[0])
    found: Iterable = [] if graph is None else graph.shapes()
    return sum(_multiply_adds(layer, shape) for layer, shape in found)


def _multiply_adds(layer: keras.Operation, shape: tuple) -> int:
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    places = shape[1:-1] if isinstance(layer, layers.Conv2D) else ()
    return math.prod(kernel.shape) * math.prod(places)


def _seconds(run: Callable[[Batch], float], batch: Batch) -> float:
    began = time.perf_counter()
    run(batch)
    return time.perf_counter() - began
