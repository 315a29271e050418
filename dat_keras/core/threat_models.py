"""Threat models: what an attacker may do to an image, as geometry."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.core.l1_projection import project_change
from dat_keras.core.random import Key
from dat_keras.core.types import Images, PerExample
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.ranges import Range, RangeChecked
from dat_keras.utils.registry import lookup


@dataclass(frozen=True)
class ThreatModel(RangeChecked, abc.ABC):
    """A norm ball of radius `eps` around an image, inside the box `[0, 1]`.

    Args:
        eps: Radius in pixel units of `[0, 1]`: a number, a scalar tensor, or
            a tensor that broadcasts against `(B, 1, 1, 1)`.
    """

    eps: Annotated[float | tf.Tensor, Range(0.0)]

    @property
    def clips_pixels(self) -> bool:
        """Whether the projection onto the ball clips each pixel for itself."""
        return False

    @staticmethod
    @abc.abstractmethod
    def radius_of_box(image_shape: tuple[int, ...]) -> float:
        """Returns a radius whose ball holds every image of `[0, 1]`.

        Args:
            image_shape: `(H, W, C)`.
        """

    @abc.abstractmethod
    def project(self, x_adv: Images, x: Images) -> Images:
        """Projects `x_adv` into the ball around `x`, then into the box."""

    @abc.abstractmethod
    def steepest(self, grad: Images) -> Images:
        """Returns the ascent direction of unit norm."""

    def step_direction(self, grad: Images, x_adv: Images, x: Images) -> Images:
        """Returns the direction of a step of PGD, of at most unit norm.

        Default: the steepest one.
        """
        return self.steepest(grad)

    @abc.abstractmethod
    def random_start(self, x: Images, key: Key) -> Images:
        """Returns a random point of the ball around `x`, inside the box."""

    @abc.abstractmethod
    def distance(self, x_adv: Images, x: Images) -> PerExample:
        """Returns the norm of `x_adv - x` per example, shape `(B,)`."""

    def contain(self, x_adv: Images, x: Images) -> Images:
        """Projects the images that are outside of ball or box.

        Those inside, up to rounding of the distance, keep every bit.
        """
        # Half of what checks of adversarial images let pass.
        reach = tf.reshape(self.eps, [-1]) * (1.0 + 5e-6) + 5e-7
        in_ball = self.distance(x_adv, x) <= reach
        in_box = tf.reduce_all((x_adv >= 0) & (x_adv <= 1), axis=[1, 2, 3])
        inside = (in_ball & in_box)[:, None, None, None]
        return tf.where(inside, x_adv, self.project(x_adv, x))


@dataclass(frozen=True)
class Linf(ThreatModel):
    """`max |x_adv - x| <= eps`; 8/255 is the standard of CIFAR.

    Example:
    >>> ball = Linf(8 / 255)
    >>> x = tf.zeros((1, 2, 2, 1))
    >>> float(ball.distance(ball.project(x + 1.0, x), x)[0] * 255)
    8.0
    """

    @property
    def clips_pixels(self) -> bool:
        """Whether the projection clips each pixel for itself: it does."""
        return True

    def __post_init__(self) -> None:
        """Refuses a radius beyond the pixel range."""
        if isinstance(self.eps, (int, float)) and self.eps > 1:
            raise ValueError(
                "`eps` must be in [0, 1], the pixel range of the image. "
                f"Received: eps={self.eps:g}. Did you mean {self.eps:g}/255?"
            )
        super().__post_init__()

    @staticmethod
    def radius_of_box(image_shape: tuple[int, ...]) -> float:
        """Returns 1, the largest change of a pixel."""
        return 1.0

    def project(self, x_adv: Images, x: Images) -> Images:
        """Clips to `[x - eps, x + eps]`, then to the box."""
        x_adv = tf.minimum(tf.maximum(x_adv, x - self.eps), x + self.eps)
        return tf.clip_by_value(x_adv, 0.0, 1.0)

    def steepest(self, grad: Images) -> Images:
        """Returns the sign of the gradient; `sign(0) = 0`."""
        return tf.sign(grad)

    def random_start(self, x: Images, key: Key) -> Images:
        """Adds uniform noise of width `eps`, inside the box."""
        noise = key.uniform(tf.shape(x), -1.0, 1.0)
        return tf.clip_by_value(x + self.eps * noise, 0.0, 1.0)

    def distance(self, x_adv: Images, x: Images) -> PerExample:
        """Returns the largest absolute change per example."""
        return tf.reduce_max(tf.abs(x_adv - x), axis=[1, 2, 3])


@dataclass(frozen=True)
class L2(ThreatModel):
    """`||x_adv - x||_2 <= eps`; 0.5 and 128/255 are the usual radii of CIFAR.

    Example:
    >>> ball = L2(0.5)
    >>> x = tf.fill((1, 2, 2, 1), 0.5)
    >>> float(ball.distance(ball.project(x + 0.4, x), x)[0])
    0.5
    """

    @staticmethod
    def radius_of_box(image_shape: tuple[int, ...]) -> float:
        """Returns the diagonal of the box.

        Example:
        >>> L2.radius_of_box((2, 2, 4))
        4.0
        """
        return math.sqrt(math.prod(image_shape))

    def project(self, x_adv: Images, x: Images) -> Images:
        """Scales the change back to length `eps`, then clips to the box."""
        delta = x_adv - x
        scale = tf.minimum(1.0, self.eps / (_norm(delta) + 1e-12))
        return tf.clip_by_value(x + scale * delta, 0.0, 1.0)

    def steepest(self, grad: Images) -> Images:
        """Returns the gradient divided by its length."""
        return grad / (_norm(grad) + 1e-12)

    def random_start(self, x: Images, key: Key) -> Images:
        """Steps in a random direction by a uniform share of `eps`."""
        direction = self.steepest(key.fold_in("direction").normal(tf.shape(x)))
        share = key.fold_in("length").uniform((tf.shape(x)[0], 1, 1, 1))
        return tf.clip_by_value(x + self.eps * share * direction, 0.0, 1.0)

    def distance(self, x_adv: Images, x: Images) -> PerExample:
        """Returns the Euclidean length of the change per example."""
        return tf.norm(tf.reshape(x_adv - x, (tf.shape(x)[0], -1)), axis=-1)


TOP_SHARE = 0.01
"""Share of the values that a step of PGD in L1 moves (Tramer and Boneh)."""


@dataclass(frozen=True)
class L1(ThreatModel):
    """`||x_adv - x||_1 <= eps`; 12 is the usual radius of CIFAR.

    Example:
    >>> ball = L1(0.5)
    >>> x = tf.fill((1, 2, 2, 1), 0.5)
    >>> round(float(ball.distance(ball.project(x + 0.4, x), x)[0]), 6)
    0.5

    Reference:
        [Croce and Hein, 2021](https://arxiv.org/abs/2103.01208),
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """

    @staticmethod
    def radius_of_box(image_shape: tuple[int, ...]) -> float:
        """Returns the number of values in an image."""
        return float(math.prod(image_shape))

    def project(self, x_adv: Images, x: Images) -> Images:
        """Projects onto the intersection of ball and box, exactly."""
        change = project_change(x_adv - x, x, self.eps)
        return tf.clip_by_value(x + change, 0.0, 1.0)

    def steepest(self, grad: Images) -> Images:
        """Returns the sign of the largest entry, zero elsewhere."""
        flat = tf.reshape(grad, (tf.shape(grad)[0], -1))
        top = tf.one_hot(
            tf.argmax(tf.abs(flat), -1), tf.shape(flat)[1], dtype=grad.dtype
        )
        return tf.reshape(tf.sign(flat) * top, tf.shape(grad))

    def step_direction(self, grad: Images, x_adv: Images, x: Images) -> Images:
        """Spreads the step over the largest 1 % of the gradient.

        Values that the box stops are passed over.
        """
        stopped = ((grad < 0) & (x_adv <= 0)) | ((grad > 0) & (x_adv >= 1))
        grad = tf.where(stopped, 0.0, grad)
        flat = tf.abs(tf.reshape(grad, (tf.shape(grad)[0], -1)))
        size = tf.cast(tf.shape(flat)[1], tf.float32)
        count = tf.maximum(tf.cast(tf.round(TOP_SHARE * size), tf.int32), 1)
        least = tf.math.top_k(flat, count).values[:, -1][:, None, None, None]
        signs = tf.where(tf.abs(grad) >= least, tf.sign(grad), 0.0)
        moved = tf.reduce_sum(tf.abs(signs), axis=[1, 2, 3], keepdims=True)
        return signs / tf.maximum(moved, 1.0)

    def random_start(self, x: Images, key: Key) -> Images:
        """Steps along Laplace noise by a uniform share of `eps`."""
        drawn = key.fold_in("direction").uniform(tf.shape(x), -1.0, 1.0)
        noise = laplace(drawn)
        total = tf.reduce_sum(tf.abs(noise), axis=[1, 2, 3], keepdims=True)
        share = key.fold_in("length").uniform((tf.shape(x)[0], 1, 1, 1))
        moved = x + self.eps * share * noise / (total + 1e-12)
        return tf.clip_by_value(moved, 0.0, 1.0)

    def distance(self, x_adv: Images, x: Images) -> PerExample:
        """Returns the sum of absolute changes per example."""
        return tf.reduce_sum(tf.abs(x_adv - x), axis=[1, 2, 3])


def laplace(uniform: tf.Tensor) -> tf.Tensor:
    """Turns uniform draws of `[-1, 1)` into Laplace noise of scale 1.

    Divided by its L1 norm, such noise is uniform on the faces of the L1 ball.
    """
    size = tf.minimum(tf.abs(uniform), 1.0 - 1e-7)
    return -tf.sign(uniform) * tf.math.log1p(-size)


def _norm(delta: Images) -> tf.Tensor:
    # The small constant keeps the gradient of the root finite at zero.
    return tf.sqrt(
        tf.reduce_sum(tf.square(delta), axis=[1, 2, 3], keepdims=True) + 1e-30
    )


THREAT_MODELS: dict[str, type[ThreatModel]] = {
    "linf": Linf,
    "l2": L2,
    "l1": L1,
}
"""Threat models by the name of their norm."""


def norm_of(threat_model: ThreatModel) -> str:
    """Returns the name of a threat model's norm.

    Example:
    >>> norm_of(L2(0.5))
    'l2'
    """
    return {cls: n for n, cls in THREAT_MODELS.items()}[type(threat_model)]


def threat_model_of(norm: str, eps: float | None = None) -> ThreatModel:
    """Returns the threat model of a norm.

    Args:
        norm: Key of `THREAT_MODELS`.
        eps: Radius in pixel units of `[0, 1]`. Default: the usual one of the
            norm, `DEFAULT_EPS`.

    Raises:
        ValueError: If the norm is unknown or the radius out of range.

    Example:
    >>> threat_model_of("l2")
    L2(eps=0.5)
    """
    make = lookup(THREAT_MODELS, norm, "norm")
    return make(DEFAULT_EPS[norm] if eps is None else float(eps))
