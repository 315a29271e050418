"""Checks that adversarial images lie in the threat model and in `[0, 1]`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dat_keras.core.threat_models import L1, L2, Linf, ThreatModel

RELATIVE_TOLERANCE: dict[type[ThreatModel], float] = {
    Linf: 0.0,
    L2: 1e-5,
    L1: 1e-5,
}
"""Excess over the radius that float32 rounding explains, by threat model."""


def within_threat_model(
    x_adv: np.ndarray, x: np.ndarray, threat_model: ThreatModel
) -> tuple[np.ndarray, np.ndarray]:
    """Measures distances, and whether images are in ball and box, in float64.

    Args:
        x_adv: Adversarial images, shape `(B, H, W, C)`.
        x: Clean images of the same shape.
        threat_model: The set that they must lie in.

    Returns:
        Distances and whether each image is valid, both of shape `(B,)`.

    Example:
    >>> x = np.full((1, 2, 2, 1), 0.5, np.float32)
    >>> within_threat_model(x + np.float32(0.1), x, Linf(0.05))[1].tolist()
    [False]
    """
    x_adv, x = x_adv.astype(np.float64), x.astype(np.float64)
    with tf.device("CPU"):
        distance = threat_model.distance(
            tf.constant(x_adv), tf.constant(x)
        ).numpy()
    in_ball = distance <= largest_distance(threat_model)
    in_box = ((x_adv >= -1e-7) & (x_adv <= 1 + 1e-7)).all(axis=(1, 2, 3))
    return distance, in_ball & in_box


def largest_distance(threat_model: ThreatModel) -> float:
    """Returns the distance up to which an image counts as in the ball.

    Args:
        threat_model: The ball.

    Example:
    >>> round(largest_distance(L2(0.5)), 6)
    0.500006
    """
    relative = RELATIVE_TOLERANCE.get(type(threat_model), 0.0)
    return threat_model.eps * (1 + relative) + 1e-6
