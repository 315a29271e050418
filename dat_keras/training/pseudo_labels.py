"""Pseudo-labels: the classes that a trained classifier gives to images.

    y = argmax_k f_k(x),   confidence = max_k softmax_k(f(x))

Reference: [Carmon et al., 2019](https://arxiv.org/abs/1905.13736), robust
self-training: the labelling classifier is trained naturally, on real images.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.data import Split

BATCH = 256
"""Images that are labelled at a time."""


def pseudo_labels(
    model: keras.Model, split: Split
) -> tuple[np.ndarray, np.ndarray]:
    """Labels images by a classifier, in inference mode on its base branch.

    Args:
        model: The classifier.
        split: The images; their own labels are not read.

    Returns:
        Labels, shape `(N,)`, int32, and confidences, shape `(N,)`, float32.

    Raises:
        ValueError: If it reads images of another size, or has another number
            of classes.
    """
    spec = ClassifierSpec.of(model)
    for what, theirs, ours in (
        ("images of", spec.image_shape, split.image_shape),
        ("number of classes", spec.num_classes, split.num_classes),
    ):
        if theirs != ours:
            raise ValueError(
                "The classifier that labels extra images must read them and "
                f"know their classes. Received: {what} {theirs}, where the "
                f"images have {ours}"
            )
    predict = Predictor(model).frozen()

    @tf.function(
        input_signature=[tf.TensorSpec((None, *split.image_shape))],
        autograph=False,
    )
    def labelled(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = tf.cast(predict(x), tf.float32)
        shares = tf.nn.softmax(logits)
        return tf.argmax(logits, -1, tf.int32), tf.reduce_max(shares, -1)

    found = [
        labelled(split.images[start : start + BATCH] / np.float32(255))
        for start in range(0, len(split), BATCH)
    ]
    labels, confidences = zip(*found, strict=True)
    return np.concatenate(labels), np.concatenate(confidences)


def described(confidences: np.ndarray, labels: np.ndarray, classes: int) -> str:
    """Says in a line how sure a labelling is and how it spreads.

    Args:
        confidences: Shape `(N,)`.
        labels: Shape `(N,)`.
        classes: Number of classes.

    Example:
    >>> described(np.array([0.5, 0.75, 1.0]), np.array([0, 2, 2]), 3)
    'confidence: 10 % below 0.55, median 0.75; 0 to 2 images a class'
    """
    low, median = np.quantile(confidences, [0.1, 0.5])
    counts = np.bincount(labels, minlength=classes)
    return (
        f"confidence: 10 % below {low:.2f}, median {median:.2f}; "
        f"{counts.min()} to {counts.max()} images a class"
    )
