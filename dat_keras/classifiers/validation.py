"""Checks that a model is a usable classifier: input, logits, classes."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.keras_private import flat_layers
from dat_keras.utils.kinds import described


def check_kind(classifier: Any) -> None:
    """Refuses what is no Keras model of one batch of images, channels last.

    Args:
        classifier: What a user gave for one.

    Raises:
        ValueError: With what to give.

    Example:
    >>> check_kind("resnet")
    Traceback (most recent call last):
    ...
    ValueError: The classifier must be a Keras model of images to logits, and
    comes first. Received: 'resnet'
    """
    if not isinstance(classifier, keras.Model):
        raise ValueError(
            "The classifier must be a Keras model of images to logits, and "
            "comes first. "
            f"Received: {described(classifier)}"
        )
    for end in ("inputs", "outputs"):
        try:
            count = len(getattr(classifier, end, None) or [None])
        except (AttributeError, ValueError):
            count = 1
        if count > 1:
            raise ValueError(
                "The classifier must have one input, images, and one output, "
                "logits: wrap the one that you want as `keras.Model(inputs, "
                f"logits)`. Received: a model with {count} {end}"
            )
    shape = tuple(getattr(classifier, "input_shape", None) or ())
    first = [
        layer.name
        for layer in flat_layers(classifier)
        if getattr(layer, "data_format", None) == "channels_first"
    ]
    # A net may also turn channels-last images around itself.
    if first and len(shape) == 4 and None not in shape[1:]:
        if shape[1] < shape[3]:
            raise ValueError(
                "Images are `(B, H, W, C)`, so the classifier must take "
                "channels last: build it with "
                '`data_format="channels_last"`. Received: input shape '
                f"{shape[1:]}, channels-first layer {first[0]!r}"
            )


def check_classifier(
    classifier: keras.Model, image_shape: tuple[int, int, int]
) -> int:
    """Runs a classifier once and returns its number of classes.

    Args:
        classifier: The model to try.
        image_shape: `(H, W, C)`.

    Raises:
        ValueError: If the output is not `(B, K)` with `K >= 2`, not finite,
            or made of probabilities.

    Example:
    >>> check_classifier(
    ...     keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()]),
    ...     (2, 2, 1),
    ... )
    4
    """
    x = np.random.default_rng(0).random((4, *image_shape), np.float32)
    logits = Predictor(classifier)(tf.constant(x)).numpy()
    if logits.ndim != 2 or logits.shape[0] != 4 or logits.shape[1] < 2:
        raise ValueError(
            "The classifier must map `(B, H, W, C)` images to logits of shape "
            f"`(B, K)` with K >= 2. Received: output shape {logits.shape} for "
            f"input shape {x.shape}."
        )
    check_logits(logits)
    warn_of_rescaling(classifier)
    return logits.shape[1]


def warn_of_rescaling(classifier: keras.Model) -> None:
    """Warns of a classifier made for images in [0, 255].

    It is known by a `Rescaling` that divides, as in MobileNetV3, or by a
    `Normalization` with the mean of such pixels, as in ConvNeXt. An
    `InputAdapter` that makes such pixels is what it needs.

    Example:
    >>> warn_of_rescaling(keras.Sequential([keras.layers.Rescaling(255)]))
    """
    found = list(flat_layers(classifier))
    adapters = [each for each in found if isinstance(each, InputAdapter)]
    if any(np.max(each.scale) > 100.0 for each in adapters):
        return
    scales = [
        float(np.max(layer.scale))
        for layer in found
        if isinstance(layer, keras.layers.Rescaling)
    ]
    means = [
        float(np.max(layer.mean))
        for layer in found
        if isinstance(layer, keras.layers.Normalization)
    ]
    if scales and max(scales) < 0.1:
        received = f"Rescaling(scale={max(scales):.4g})"
    elif not scales and means and max(means) > 1.0:
        received = f"Normalization(mean={max(means):.4g})"
    else:
        return
    warnings.warn(
        "The classifier has a layer for images in [0, 255], but is given "
        "images in [0, 1]: build it without (Keras: "
        "`include_preprocessing=False`), or put `Rescaling(255)` before "
        f'it, as `dk.harden(..., adapter="0-255")` does. Received: {received}',
        stacklevel=2,
    )


def check_logits(logits: np.ndarray) -> None:
    """Refuses logits that are not finite, or that are probabilities.

    Raises:
        ValueError: With the likely cause.

    Example:
    >>> check_logits(np.array([[3.0, -1.0]]))
    """
    if not np.isfinite(logits).all():
        raise ValueError("The classifier's logits hold NaN or infinity.")
    inside = (logits >= -1e-5).all() and (logits <= 1 + 1e-5).all()
    if inside and np.allclose(logits.sum(-1), 1.0, rtol=0.0, atol=1e-5):
        raise ValueError(
            "The classifier returns probabilities: every row of its output "
            "lies in [0, 1] and sums to 1. Attacks need logits: remove the "
            "softmax (Keras: `classifier_activation=None`, or a last `Dense` "
            'without `activation="softmax"`).'
        )


def image_shape_of(classifier: keras.Model) -> tuple[int, int, int]:
    """Returns `(H, W, C)` of a classifier.

    A subclassed one has the shape that it was built for, by `build` or by a
    first call.

    Raises:
        ValueError: If the model does not fix it.

    Example:
    >>> layers = [keras.Input((8, 8, 3)), keras.layers.Flatten()]
    >>> image_shape_of(keras.Sequential(layers))
    (8, 8, 3)
    """
    built = (classifier.get_build_config() or {}).get("input_shape")
    shape = tuple(getattr(classifier, "input_shape", None) or built or ())
    if len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            "The classifier does not say its image size. Wrap it as "
            "`keras.Model(inputs, classifier(inputs))` with "
            "`inputs = keras.Input((H, W, C))`. Received: a model with input "
            f"shape {shape or 'unknown'}."
        )
    return shape[1:]
