"""Sanity checks of a classifier before it is attacked, as AutoAttack makes."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import tensorflow as tf

from dat_keras.attacks import DLR, SurfaceStart
from dat_keras.classifiers.validation import check_classifier, check_logits
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import RowKey
from dat_keras.evaluation.context import EvaluationContext, misclassified
from dat_keras.evaluation.results import Caution
from dat_keras.evaluation.samples import Samples

TOLERANCE = 1e-4
"""Largest difference between logits, relative to their norm, that rounding
causes."""

PASSES = 5
"""Forward passes that are compared, as in AutoAttack's own check."""

RANDOMIZED = Caution(
    "randomized",
    "Passes over the same images differ, so these accuracies are one draw "
    "of many. Look for dropout or noise that stays on in inference; if it is "
    "meant, use the attack autoattack-rand.",
)
TRAIN_MODE = Caution(
    "train_mode",
    "The logits of an image depend on the other images of its batch. Look for "
    "BatchNorm in training mode.",
)

DYNAMIC = {
    "While": "loops",
    "StatelessWhile": "loops",
    "AssignVariableOp": "writes variables",
    "AssignAddVariableOp": "writes variables",
}
"""Operations that a classifier rarely needs in inference, and what they do."""


def check_fit(model: keras.Model, samples: Samples) -> int:
    """Refuses a classifier that does not fit the images.

    Args:
        model: The classifier.
        samples: The images.

    Returns:
        Number of classes.

    Raises:
        ValueError: If image size or number of classes differ, or the model
            does not return logits.
    """
    shape = samples.images.shape[1:]
    # A subclassed model need not know its input before it is called.
    expected = tuple(getattr(model, "input_shape", None) or (None, *shape))[1:]
    if len(expected) != 3 or any(
        want not in (None, have)
        for want, have in zip(expected, shape, strict=True)
    ):
        raise ValueError(
            f"The classifier takes images of shape {expected}. "
            f"Received: images of shape {shape} from {samples.name}"
        )
    classes = check_classifier(model, shape)
    low, high = int(samples.labels.min()), int(samples.labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"Labels must be in [0, {classes - 1}], the classifier has "
            f"{classes} outputs. Received: labels in [{low}, {high}] from "
            f"{samples.name}"
        )
    return classes


def sanity_cautions(context: EvaluationContext) -> tuple[Caution, ...]:
    """Checks the classifier on the first batch.

    Args:
        context: The classifier and the images.

    Returns:
        What a reader of the report must know.

    Raises:
        ValueError: If the classifier returns probabilities, or NaN.
    """
    count = min(len(context.samples), context.batch_size)
    x, y = context.samples.rows(np.arange(count))
    logits = context.logits(x)
    check_logits(logits)
    found = [*_of_dtype(context.search_dtype), *_dynamic(context)]
    again = (context.logits(x) for _ in range(PASSES - 1))
    if any(_differ(logits, other) for other in again):
        # The checks below compare passes, and these differ by chance.
        return (RANDOMIZED, *found)
    if any(
        _depends_on_batch(context, x, logits, i) for i in range(min(count, 2))
    ):
        found.append(TRAIN_MODE)
    return (*found, *_zero_grad(context, x, y, ~misclassified(logits, y)))


def _of_dtype(dtype: str | None) -> list[Caution]:
    """A caution about attacks in another dtype than the model's."""
    if dtype is None:
        return []
    return [
        Caution(
            "search_dtype",
            f"Attacks ran convolutions in {dtype}: images not broken may be "
            "broken by attacks in the model's own type, in which published "
            "accuracies are measured.",
        )
    ]


def _dynamic(context: EvaluationContext) -> list[Caution]:
    """A caution about loops and state in the classifier's graph."""
    graph = context.forward.get_concrete_function().graph.as_graph_def()
    functions = (function.node_def for function in graph.library.function)
    nodes = itertools.chain(graph.node, *functions)
    does = sorted({DYNAMIC[n.op] for n in nodes if n.op in DYNAMIC})
    if not does:
        return []
    return [
        Caution(
            "dynamic",
            f"The classifier {' and '.join(does)} at every pass. If that "
            "is its defence, these attacks do not adapt to it: it needs an "
            "adaptive attack.",
        )
    ]


def _depends_on_batch(
    context: EvaluationContext, x: np.ndarray, logits: np.ndarray, i: int
) -> bool:
    # Copies instead of a batch of one: the same shape, hence the same kernels.
    copies = context.logits(np.repeat(x[i : i + 1], len(x), axis=0))
    return _differ(logits[i], copies[i])


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    scale = np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1.0)
    return bool((np.abs(a - b) > TOLERANCE * scale).any())


def _zero_grad(
    context: EvaluationContext, x: np.ndarray, y: np.ndarray, right: np.ndarray
) -> list[Caution]:
    """A caution about images where DLR has no gradient at APGD's start.

    Images that are wrong at the start do not count: they are broken, and where
    the right class comes third there, DLR is 1 and has no gradient in any net.
    """
    key = RowKey.of(context.seed, np.arange(len(x))).fold_in("zero_grad")
    start = SurfaceStart()(context.threat_model, tf.constant(x), key)
    loss = DLR().bind(context.predict, start, y)
    logits, _, grad = input_gradient(context.predict, loss, start)
    stand = right & ~misclassified(logits.numpy(), y)
    dead = stand & (grad.numpy() == 0).all(axis=(1, 2, 3))
    if not dead.any():
        return []
    return [
        Caution(
            "zero_grad",
            f"The loss DLR has no gradient at a random start for {dead.sum()} "
            f"of {stand.sum()} images that are right there: attacks that "
            "follow gradients fail at these, which does not mean that the "
            "classifier is robust. Look for quantisation.",
        )
    ]
