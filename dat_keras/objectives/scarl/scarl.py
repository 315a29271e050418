"""SCARL: semantic constraints for adversarial training (Kuang et al., 2023).

min  CE(f(x'), y) + beta * KL(p(x) || p(x')) + L_MI(a, t) + w(s) * L_geo(a, M)
x'    = argmax_{|x' - x| <= eps}  KL(p(x) || p(x'))
a, t  = unit projections of the features of x' and of the word vector of y
M     = running mean of t for every class, this batch included
w(s)  = exp(-5 (1 - s)^2),  s the share of the training done
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import tensorflow as tf

from dat_keras.attacks import PGD, Attack, KLFromClean, NormalStart
from dat_keras.classifiers.predictor import features_of
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Network
from dat_keras.losses import cross_entropy, kl_divergence
from dat_keras.objectives.base import (
    Objective,
    attacked_view,
    hard_labels,
    mean_over_views,
)
from dat_keras.objectives.scarl.semantics import (
    Semantics,
    SemanticView,
    class_means,
    memory_share,
)
from dat_keras.objectives.step import Adversary, Step, Terms, Views
from dat_keras.utils.ranges import Share, Weight


@dataclass(frozen=True)
class SCARL(Objective):
    """Ties adversarial features to the word vectors of their classes.

    No word vectors come with it. Without any, each class is a one-hot
    vector: the heads and both terms stay, the semantics of class names are
    lost. Say so where you report numbers. The geometry compares the classes
    of the batch only; the published code needs all classes in each batch.

    Args:
        attack: Inner maximisation. Default: 10 steps of 2/255 on the
            divergence, eps 8/255, from a little normal noise.
        beta: Weight of the divergence. Default: published code.
        words: One word vector a class, in the order of the labels. Published:
            GloVe, 50 numbers for each name of CIFAR-10.
        mutual_information: Weight of `L_MI`. Default: published code.
        geometry: Weight of `L_geo`. Default: published code.
        label_smoothing: Smoothing of the cross-entropy. Default 0, the
            paper's.

    Raises:
        ValueError: If `words` has rows of different lengths.

    Example:
    >>> SCARL(words=((0.5, 0.5), (1.0, -1.0))).beta
    6.0

    Reference:
        [Kuang et al., 2023](https://openreview.net/forum?id=SWUGykek_T)
    """

    attack: Attack = PGD(Linf(8 / 255), KLFromClean(), start=NormalStart())
    beta: Weight = 6.0
    words: tuple[tuple[float, ...], ...] | None = None
    mutual_information: Weight = 1.0
    geometry: Weight = 1.0
    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = (
        "adversarial",
        "robust",
        "mutual_information",
        "geometry",
    )

    def __post_init__(self) -> None:
        """Refuses a ragged table of words."""
        super().__post_init__()
        lengths = {len(word) for word in self.words or ()}
        if len(lengths) > 1:
            raise ValueError(
                "`words` must be vectors of one length. "
                f"Received: lengths {sorted(lengths)}"
            )

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the heads and the memory."""
        if spec.num_features is None:
            raise ValueError(
                "`SCARL` reads what the last dense layer reads, but this "
                "classifier does not show that layer. Use a functional model."
            )
        if self.words is None:
            return Semantics(spec.num_features, np.eye(spec.num_classes))
        if len(self.words) != spec.num_classes:
            raise ValueError(
                f"`words` must hold one vector for each of {spec.num_classes} "
                f"classes. Received: {len(self.words)}"
            )
        return Semantics(spec.num_features, np.array(self.words))

    @property
    def needs_run_length(self) -> bool:
        """Whether a step reads the share of the run done."""
        return True

    def craft(self, step: Step) -> Views:
        """Attacks the augmented images."""
        view = attacked_view(self.attack, step, step.x)
        semantics = cast(Semantics, step.adversary)
        weight = memory_share(step.progress)
        return (
            SemanticView(
                view.x,
                view.x_adv,
                semantics=semantics,
                memory=semantics.memory_after(step.y, weight),
                geometry_weight=weight,
            ),
        )

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns both divergences and both semantic terms."""
        (view,) = cast(tuple[SemanticView], views)
        logits = predict(view.x, view.branch)
        features, logits_adv = features_of(predict, view.x_adv, view.branch)
        images, words = view.semantics.image(features), view.semantics.text(y)
        classes = hard_labels(y)
        means, present = class_means(images, classes, view.memory.shape[0])
        information = mutual_information(images, words, classes)
        distortion = geometry(means, view.memory, present)
        supervised = cross_entropy(logits_adv, y, self.label_smoothing)
        return {
            "adversarial": mean_over_views([supervised]),
            "robust": self.beta
            * mean_over_views([kl_divergence(logits, logits_adv)]),
            "mutual_information": self.mutual_information * information,
            "geometry": self.geometry * view.geometry_weight * distortion,
        }


def mutual_information(
    images: tf.Tensor, words: tf.Tensor, y: Labels
) -> tf.Tensor:
    """`L_MI`: own words near, words of other classes far.

    With `s_ij = exp(cos(a_i, t_j) / 0.5)` and `k = 0.01`: the mean over all
    `i != j` of `[y_i != y_j] log(1 + s_ij / k)`, plus the mean of
    `log(1 + k / s_ii)`.

    Args:
        images: Unit vectors `a`, shape `(B, F)`.
        words: Unit vectors `t`, shape `(B, F)`.
        y: Labels, shape `(B,)`.

    Returns:
        A scalar.

    Example:
    >>> one = tf.constant([[1.0], [1.0]])
    >>> round(float(mutual_information(one, one, tf.constant([0, 1]))), 4)
    6.6079
    """
    similarity = tf.exp(tf.matmul(images, words, transpose_b=True) / 0.5)
    differ = tf.cast(y[:, None] != y[None, :], tf.float32)
    rows = tf.cast(tf.shape(y)[0], tf.float32)
    pairs = tf.maximum(rows * (rows - 1.0), 1.0)
    far = tf.reduce_sum(differ * tf.math.log1p(similarity / 0.01)) / pairs
    own = tf.linalg.diag_part(similarity)
    return far + tf.reduce_mean(tf.math.log1p(0.01 / own))


def geometry(
    means: tf.Tensor, memory: tf.Tensor, present: tf.Tensor
) -> tf.Tensor:
    """`L_geo`: the shape that class means make, compared with the memory's.

    Twice the smooth L1 distance of pairwise distances, each in units of its
    mean, plus three times that of the cosines of all triangles; among the
    classes present.

    Args:
        means: Class means, shape `(K, F)`.
        memory: What they are compared with, without gradient, `(K, F)`.
        present: Which classes count, shape `(K,)`.

    Returns:
        A scalar; 0 if fewer than two classes are present.

    Reference:
        [Park et al., 2019](https://arxiv.org/abs/1904.05068), relational
        knowledge distillation.
    """
    count = tf.cast(present, tf.float32)
    pairs = count[:, None] * count[None, :]
    triples = pairs[:, :, None] * count
    distances, angles = _distances(means, pairs), _angles(means)
    memory = tf.stop_gradient(memory)
    return 2.0 * _smooth_l1(
        distances, _distances(memory, pairs), pairs
    ) + 3.0 * _smooth_l1(angles, _angles(memory), triples)


def _distances(points: tf.Tensor, pairs: tf.Tensor) -> tf.Tensor:
    square = tf.reduce_sum(tf.square(points[:, None] - points[None]), -1)
    # The root has no gradient at 0, where a point meets itself.
    apart = tf.logical_and(square > 0.0, pairs > 0.0)
    distance = tf.where(apart, tf.sqrt(tf.where(apart, square, 1.0)), 0.0)
    count = tf.reduce_sum(tf.cast(apart, tf.float32))
    return tf.math.divide_no_nan(distance * count, tf.reduce_sum(distance))


def _angles(points: tf.Tensor) -> tf.Tensor:
    sides = tf.math.l2_normalize(points[None] - points[:, None], axis=-1)
    return tf.matmul(sides, sides, transpose_b=True)


def _smooth_l1(a: tf.Tensor, b: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    error = tf.abs(a - b)
    value = tf.where(error < 1.0, 0.5 * tf.square(error), error - 0.5)
    return tf.math.divide_no_nan(
        tf.reduce_sum(weight * value), tf.reduce_sum(weight)
    )
