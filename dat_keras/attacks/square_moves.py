"""Proposals of Square: signs (Linf) or waves (L2, L1) in a square window.

Windows are masks, not slices, so that one graph serves all sizes and each
image has its own window.
"""

from __future__ import annotations

import abc
import functools
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dat_keras.attacks.square_pattern import Wave, tiled, waves
from dat_keras.attacks.square_schedule import sides
from dat_keras.core.random import Key
from dat_keras.core.threat_models import L1, L2, Linf, ThreatModel
from dat_keras.core.types import Images


@dataclass(frozen=True)
class Moves(abc.ABC):
    """Proposals of a random search.

    Args:
        threat_model: The set that they stay in.
        queries: Number of queries.
        shape: `(H, W, C)` of the images.
    """

    threat_model: ThreatModel
    queries: int
    shape: tuple[int, int, int]

    @property
    @abc.abstractmethod
    def numbers(self) -> int:
        """Number of uniform random numbers that a proposal takes."""

    @abc.abstractmethod
    def start(self, x: Images, key: Key) -> Images:
        """Returns the first images."""

    @abc.abstractmethod
    def propose(
        self, x: Images, x_adv: Images, query: tf.Tensor, draws: tf.Tensor
    ) -> Images:
        """Returns the images to try next.

        Args:
            x: Clean images.
            x_adv: The best images so far.
            query: Number of the query, from 0.
            draws: Uniform in `[0, 1)`, shape `(B, numbers)`.
        """

    @functools.cached_property
    def sides(self) -> np.ndarray:
        """Side of the window by query."""
        height, width, _ = self.shape
        return sides(type(self.threat_model), self.queries, height, width)

    def window(self, side: tf.Tensor, draws: tf.Tensor) -> Window:
        """Returns a window per image; `draws` has shape `(B, 2)`."""
        limit = tf.constant(self.shape[:2]) - side
        # The last position is never drawn, as in the published code.
        corner = tf.cast(tf.floor(draws * tf.cast(limit, tf.float32)), tf.int32)
        return Window(
            tf.range(self.shape[0])[None] - corner[:, :1],
            tf.range(self.shape[1])[None] - corner[:, 1:],
            side,
        )


@dataclass(frozen=True)
class Window:
    """A square window in each image.

    Args:
        down: Row in the window by row of the image, shape `(B, H)`.
        right: Column in the window by column of the image, shape `(B, W)`.
        side: Side of the window.
    """

    down: tf.Tensor
    right: tf.Tensor
    side: tf.Tensor

    @property
    def mask(self) -> tf.Tensor:
        """1 inside, 0 outside, shape `(B, H, W, 1)`."""
        down = (self.down >= 0) & (self.down < self.side)
        right = (self.right >= 0) & (self.right < self.side)
        inside = down[:, :, None] & right[:, None, :]
        return tf.cast(inside, tf.float32)[..., None]

    def pick(self, pattern: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
        """Places a pattern in the window of each image, zero around it.

        Args:
            pattern: Values of a square, shape `(S, S)` with `S >= side`.
            turned: Whether to transpose it, shape `(B,)`.
        """
        size = pattern.shape[0]
        row = tf.clip_by_value(self.down, 0, size - 1)[:, :, None]
        column = tf.clip_by_value(self.right, 0, size - 1)[:, None, :]
        place = tf.where(
            turned[:, None, None], column * size + row, row * size + column
        )
        picked = tf.gather(tf.reshape(pattern, [-1]), place)
        return picked[..., None] * self.mask


class Stripes(Moves):
    """Linf: starts from vertical stripes; a window has one sign per channel."""

    @property
    def numbers(self) -> int:
        """A corner and the signs."""
        return 2 + self.shape[2]

    def start(self, x: Images, key: Key) -> Images:
        """Returns random signs by column and channel, times `eps`."""
        _, width, channels = self.shape
        signs = _signs(uniform(key, x, 1, width, channels))
        moved = x + self.threat_model.eps * signs
        return tf.clip_by_value(moved, 0.0, 1.0)

    def propose(
        self, x: Images, x_adv: Images, query: tf.Tensor, draws: tf.Tensor
    ) -> Images:
        """Moves the window to one face of the ball."""
        window = self.window(tf.gather(self.sides, query), draws[:, :2])
        signs = _signs(draws[:, None, None, 2:])
        moved = x_adv + 2 * self.threat_model.eps * signs * window.mask
        return self.threat_model.project(moved, x)


class Waves(Moves):
    """L2: starts from tiles of waves; moves norm from one window to another."""

    wave = Wave(order=2, decay=2)

    @property
    def numbers(self) -> int:
        """Two corners, whether to transpose, and the signs."""
        return 5 + self.shape[2]

    def start(self, x: Images, key: Key) -> Images:
        """Returns tiles of waves, randomly transposed and signed."""
        plain, turned, tile = tiled(*self.shape[:2], self.wave)
        count = int(tile.max()) + 1
        turns = uniform(key.fold_in("turns"), x, count) < 0.5
        signs = uniform(key.fold_in("signs"), x, count, self.shape[2])
        # The border belongs to no tile; there both patterns are zero.
        tile = np.maximum(tile, 0)
        wave = tf.where(tf.gather(turns, tile, axis=1), turned, plain)
        delta = wave[..., None] * tf.gather(_signs(signs), tile, axis=1)
        return self._in_ball(x, delta)

    def propose(
        self, x: Images, x_adv: Images, query: tf.Tensor, draws: tf.Tensor
    ) -> Images:
        """Adds a wave to one window, with the norm taken from another."""
        side = tf.gather(self.sides, query)
        window = self.window(side, draws[:, :2])
        here, there = window.mask, self.window(side, draws[:, 2:4]).mask
        delta = x_adv - x
        old = delta * here
        union = self._norm(delta * tf.maximum(here, there), [1, 2])
        sizes, table = waves(self.sides, self.wave)
        pattern = tf.gather(table, tf.searchsorted(sizes, side[None])[0])
        wave = window.pick(pattern, draws[:, 4] < 0.5)
        new = _signs(draws[:, None, None, 5:]) * wave
        new += old / (1e-12 + self._norm(old, [1, 2]))
        new /= 1e-12 + self._norm(new, [1, 2])
        new *= self._budget(self._norm(delta, [1, 2, 3]), union)
        delta = tf.where(here > 0, new, delta * (1.0 - there))
        return self._in_ball(x, delta)

    def _norm(self, values: Images, axes: list[int]) -> tf.Tensor:
        return tf.sqrt(tf.reduce_sum(values * values, axes, keepdims=True))

    def _budget(self, whole: tf.Tensor, union: tf.Tensor) -> tf.Tensor:
        """Norm of a channel of the new window: spare and both windows'."""
        spare = tf.maximum(self.threat_model.eps**2 - whole**2, 0.0)
        return tf.sqrt(spare / self.shape[2] + union**2)

    def _in_ball(self, x: Images, delta: Images) -> Images:
        scale = self.threat_model.eps / (self._norm(delta, [1, 2, 3]) + 1e-12)
        return tf.clip_by_value(x + scale * delta, 0.0, 1.0)


class SparseWaves(Waves):
    """L1: steeper waves, moved as in L2 and projected onto ball and box."""

    wave = Wave(order=1, decay=4)

    def _norm(self, values: Images, axes: list[int]) -> tf.Tensor:
        return tf.reduce_sum(tf.abs(values), axes, keepdims=True)

    def _budget(self, whole: tf.Tensor, union: tf.Tensor) -> tf.Tensor:
        """The published code gives each channel that of all; it projects."""
        spare = tf.maximum(self.threat_model.eps - whole, 0.0)
        return spare + self.shape[2] * union

    def _in_ball(self, x: Images, delta: Images) -> Images:
        ball = L1(self.threat_model.eps * (1.0 - 1e-6))
        return ball.project(x + delta, x)


MOVES: dict[type[ThreatModel], type[Moves]] = {
    Linf: Stripes,
    L2: Waves,
    L1: SparseWaves,
}
"""Proposals by threat model."""


def uniform(key: Key, x: Images, *shape: int) -> tf.Tensor:
    """Draws numbers for each image of `x`, of a shape known to the graph.

    Args:
        key: Source of the draws.
        x: Images.
        shape: Of the numbers of one image.
    """
    drawn = key.uniform((tf.shape(x)[0], *shape))
    return tf.ensure_shape(drawn, (x.shape[0], *shape))


def _signs(draws: tf.Tensor) -> tf.Tensor:
    return tf.where(draws < 0.5, -1.0, 1.0)
