"""The candidate of the largest loss, image by image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from dat_keras.core.types import Images, PerExample


def worst(
    candidates: Sequence[Images], loss: Callable[[Images], PerExample]
) -> Images:
    """Returns of each image the candidate with the largest loss.

    The first of equals is taken. One candidate is returned without a pass.

    Args:
        candidates: Images, each of shape `(B, H, W, C)`.
        loss: Maps images to a value for each.

    Example:
    >>> a, b = tf.constant([0.2, 0.9]), tf.constant([0.5, 0.1])
    >>> a, b = (tf.reshape(v, (2, 1, 1, 1)) for v in (a, b))
    >>> worst([a, b], lambda x: x[:, 0, 0, 0]).numpy().ravel()
    array([0.5, 0.9], dtype=float32)
    """
    best, *others = candidates
    if not others:
        return best
    largest = loss(best)
    for images in others:
        value = loss(images)
        better = value > largest
        best = tf.where(better[:, None, None, None], images, best)
        largest = tf.where(better, value, largest)
    return best
