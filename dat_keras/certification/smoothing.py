"""Randomised smoothing (Cohen, Rosenfeld and Kolter, ICML 2019).

g(x) = argmax_c P(f(x + e) = c),   e ~ N(0, sigma^2 I)

If p is a lower bound of the probability of the class c that leads, and
p > 1/2, then g(x + d) = c for every d with

||d||_2 < R = sigma * Phi^-1(p).

c comes from a few draws, p from many others by Clopper and Pearson's bound, so
that R holds with probability 1 - alpha. The noise is not clipped to [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np
import tensorflow as tf

from dat_keras.core.random import RowKey
from dat_keras.core.types import Predict
from dat_keras.utils.clopper_pearson import (
    binomial_tail,
    clopper_pearson_lower,
)
from dat_keras.utils.ranges import Count, Range, RangeChecked

BLOCK = 4
"""Draws that share a key; passes take whole blocks."""

ABSTAINED = -1
"""The class where there is none to be sure of."""

Votes = Callable[[str, int], np.ndarray]
"""Maps a purpose and a number of draws to the votes of each class, `(K,)`."""


@dataclass(frozen=True)
class Smoothing(RangeChecked):
    """The smoothed classifier: its noise, draws and confidence.

    Args:
        sigma: Standard deviation of the noise, in pixel units of `[0, 1]`;
            that of the training, if it had any.
        draws: Draws for the radius. Default: the paper's; no radius exceeds
            `sigma * Phi^-1(alpha^(1 / draws))`, 3.8 sigma.
        selection_draws: Draws for the class. Default: the paper's.
        alpha: Probability that a radius is too large. Default: the paper's.

    Example:
    >>> smoothing = Smoothing(sigma=0.25, draws=1000)
    >>> certain = np.array([0, 1000])
    >>> label, radius = smoothing.certify(lambda purpose, draws: certain)
    >>> label, round(radius, 3)
    (1, 0.616)

    Reference:
        [Cohen et al., 2019](https://arxiv.org/abs/1902.02918)
    """

    sigma: Annotated[float, Range(0.0, above=True)]
    draws: Count = 100_000
    selection_draws: Count = 100
    alpha: Annotated[float, Range(0.0, 1.0, above=True, below=True)] = 0.001

    def certify(self, votes: Votes) -> tuple[int, float]:
        """Returns the class and its certified radius, or `ABSTAINED` and 0.

        Args:
            votes: Draws noise and counts the classes of an image.
        """
        leading = int(votes("selection", self.selection_draws).argmax())
        found = votes("radius", self.draws)
        p = clopper_pearson_lower(
            int(found[leading]), int(found.sum()), self.alpha
        )
        if p <= 0.5:
            return ABSTAINED, 0.0
        return leading, self.sigma * NormalDist().inv_cdf(p)

    def predict(self, votes: Votes) -> int:
        """Returns the class of g, or `ABSTAINED`, wrong with `alpha` at most.

        A two-sided binomial test tells whether the first class leads.

        Args:
            votes: Draws noise and counts the classes of an image.
        """
        found = votes("prediction", self.draws)
        second, first = np.sort(found)[-2:]
        tail = binomial_tail(int(first), int(first + second), 0.5)
        return int(found.argmax()) if 2 * tail <= self.alpha else ABSTAINED


@dataclass(frozen=True, eq=False)
class NoisyVotes:
    """Counts the classes of an image under noise, a block of draws a row.

    The draws are a function of seed, purpose, the image's position and the
    block, so they depend on no batch size.

    Args:
        predict: The classifier in inference mode.
        sigma: Standard deviation of the noise.
        seed: Seed of the draws.
        purpose: What the votes are for; other purposes draw other noise.
    """

    predict: Predict
    sigma: float
    seed: int
    purpose: str

    def __call__(
        self, x: tf.Tensor, row: tf.Tensor, blocks: tf.Tensor, used: tf.Tensor
    ) -> tf.Tensor:
        """Returns the votes of each block, shape `(B, K)`, int32.

        Args:
            x: The image, shape `(H, W, C)`.
            row: Its position in the data set.
            blocks: Numbers of the blocks, shape `(B,)`.
            used: How many draws of each block count, shape `(B,)`.
        """
        key = RowKey.of(self.seed, blocks).fold_in("smoothing")
        key = key.fold_in(self.purpose).fold_in(row)
        count = tf.shape(blocks)[0]
        noise = key.normal((count, BLOCK, *x.shape))
        noisy = x + self.sigma * tf.reshape(noise, (-1, *x.shape))
        logits = self.predict(noisy)
        classes = logits.shape[-1]
        votes = tf.one_hot(tf.argmax(logits, -1), classes, dtype=tf.int32)
        votes = tf.reshape(votes, (count, BLOCK, classes))
        counted = tf.cast(tf.range(BLOCK) < used[:, None], tf.int32)
        return tf.reduce_sum(votes * counted[..., None], axis=1)


def blocks_of(draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the numbers of all blocks, and how many draws of each count.

    Args:
        draws: Number of draws.

    Example:
    >>> [part.tolist() for part in blocks_of(6)]
    [[0, 1], [4, 2]]
    """
    blocks = np.arange(-(-draws // BLOCK))
    return blocks, np.minimum(draws - BLOCK * blocks, BLOCK).astype(np.int32)
