"""An attack with a radius for each image, traced once for all radii."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dat_keras.attacks import ATTACKS, PARTS, Attack
from dat_keras.core.random import Key, RowKey
from dat_keras.core.threat_models import THREAT_MODELS, ThreatModel
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.evaluation.constraints import within_threat_model
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import batches_of

PGD = "pgd20"
"""Key of `ATTACKS`, and the name that the draws depend on."""
APGD = "apgd-ce"
"""Key of `PARTS`: AutoAttack's first part, and the name of its draws."""


def pgd_in(ball: ThreatModel) -> Attack:
    """Returns PGD-20 that keeps the first misclassified iterate.

    Args:
        ball: The threat model; its radius may be a tensor `(B, 1, 1, 1)`.
    """
    return PROTOCOLS["strict"].adapt(ATTACKS[PGD](ball))


Search = Callable[[ThreatModel, Predict, Images, Labels, Key], Images]


def _pgd(
    ball: ThreatModel, predict: Predict, x: Images, y: Labels, key: Key
) -> Images:
    return pgd_in(ball)(predict, x, y, key)


def _apgd(
    ball: ThreatModel, predict: Predict, x: Images, y: Labels, key: Key
) -> Images:
    return PARTS[APGD](ball)(predict, x, y, key, (tf.constant(0), x))


SEARCHES: dict[str, Search] = {PGD: _pgd, APGD: _apgd}
"""The attacks of a report by name."""


@dataclass(frozen=True, eq=False)
class Attacked:
    """What an attack made of some images.

    Args:
        images: The last iterate, or the first misclassified, `(B, H, W, C)`.
        classes: What the classifier takes them for, `(B,)`.
        broken: Whether each is misclassified and inside its ball, `(B,)`.
    """

    images: np.ndarray
    classes: np.ndarray
    broken: np.ndarray


class RadiusSearch:
    """Attacks images, each inside a ball of its own radius.

    At the radius of an evaluation it makes the same draws as `evaluate` with
    the attack of this name.

    Args:
        context: The classifier and the images.
        norm: Key of `THREAT_MODELS`.
        name: Key of `SEARCHES`. Default: PGD-20.
    """

    def __init__(
        self, context: EvaluationContext, norm: str, name: str = PGD
    ) -> None:
        self.context = context
        self.norm = norm
        self.name = name
        radii = tf.TensorSpec((None,), tf.float32)
        self._search = tf.function(
            self._attack,
            input_signature=[*context.signature, radii],
            autograph=False,
        )
        # Read and traced in this thread: shares of a batch run in others.
        self._predict = context.expected(context.frozen_predictor)
        self._search.get_concrete_function()

    def __call__(
        self, task: str, positions: np.ndarray, radii: np.ndarray
    ) -> Attacked:
        """Returns the attacked images.

        Args:
            task: What progress calls it.
            positions: Positions of the images, shape `(B,)`.
            radii: Radius of each, in pixel units, shape `(B,)`.
        """
        context = self.context
        shape = (len(positions), *context.samples.images.shape[1:])
        images = np.zeros(shape, np.float32)
        classes = np.zeros(len(positions), int)
        broken = np.zeros(len(positions), bool)
        for rows in batches_of(np.arange(len(positions)), context.batch_size):
            x, y = context.samples.rows(positions[rows])
            eps = radii[rows].astype(np.float32)
            x_adv = run_in_parallel(self._search, x, y, positions[rows], eps)
            images[rows] = x_adv
            classes[rows] = context.logits(x_adv).argmax(-1)
            ball = THREAT_MODELS[self.norm](tf.constant(eps, tf.float64))
            _, valid = within_threat_model(x_adv, x, ball)
            broken[rows] = (classes[rows] != y) & np.asarray(valid)
            context.progress(task, int(rows[-1]) + 1, len(positions))
        return Attacked(images, classes, broken)

    def _attack(
        self, x: Images, y: Labels, rows: tf.Tensor, radii: tf.Tensor
    ) -> Images:
        first = self.context.samples.first
        key = RowKey.of(self.context.seed, rows + first).fold_in(self.name)
        ball = THREAT_MODELS[self.norm](radii[:, None, None, None])
        return SEARCHES[self.name](ball, self._predict, x, y, key)
