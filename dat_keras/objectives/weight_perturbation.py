"""AWP: adversarial weight perturbation (Wu, Xia and Wang, NeurIPS 2020).

v_l = gamma * ||w_l|| * g_l / ||g_l||,   g = grad of the loss at w
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf

from dat_keras.core.gradients import terms_and_gradients
from dat_keras.core.replicas import summed, without_rows
from dat_keras.objectives.step import Terms
from dat_keras.utils.ranges import RangeChecked, Share, Weight


@dataclass(frozen=True)
class WeightPerturbation(RangeChecked):
    """Moves kernels uphill while the outer gradient is taken.

    Args:
        gamma: Length of the move relative to each kernel's norm; 0 is off.
            Default of the paper: 0.005 for TRADES and DAT, 0.01 for PGD-AT.
        start: Share of the training after which weights move. The published
            code waits for 10 of 200 epochs (0.05), for PGD-AT not at all.

    Example:
    >>> WeightPerturbation().gamma
    0.0

    Reference:
        [Wu et al., 2020](https://arxiv.org/abs/2004.05884)
    """

    gamma: Weight = 0.0
    start: Share = 0.0

    @contextmanager
    def applied(
        self,
        weights: Sequence[keras.Variable],
        outer: Callable[[], Terms],
        progress: float | tf.Tensor = 1.0,
        share: float | tf.Tensor = 1.0,
    ) -> Iterator[None]:
        """Holds the weights at the perturbed point inside a `with`.

        Args:
            weights: Trainable variables; kernels (rank 2 and up) move.
            outer: The host's loss; it must not update BatchNorm statistics.
            progress: Share of the training done.
            share: Weight of this replica's mean in the mean of the batch.
        """
        if self.gamma == 0.0:
            yield
            return
        kernels = [w for w in weights if len(w.shape) >= 2]
        _, (gradients,) = terms_and_gradients(outer, kernels, scale=share)
        # Replicas that perturbed differently would drift apart.
        gradients = summed(without_rows(gradients, share))
        gamma = tf.where(progress < self.start, 0.0, self.gamma)
        saved = [tf.identity(w.value) for w in kernels]
        for w, value, g in zip(kernels, saved, gradients, strict=True):
            scale = gamma * tf.norm(value) / (tf.norm(g) + 1e-20)
            w.assign(value + scale * g)
        try:
            yield
        finally:
            # (w + v) - v is not w in float32: the copy is put back instead.
            for w, value in zip(kernels, saved, strict=True):
                w.assign(value)
