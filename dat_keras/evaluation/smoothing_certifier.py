"""Certificates of the smoothed classifier, image by image."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from dat_keras.certification.smoothing import (
    BLOCK,
    NoisyVotes,
    Smoothing,
    blocks_of,
)
from dat_keras.classifiers.predictor import FrozenPredictor
from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.samples import batches_of


@dataclass(frozen=True)
class SmoothingCertifier(Certifier):
    """Randomised smoothing in L2, for any classifier.

    Args:
        smoothing: Noise, draws and confidence.
    """

    smoothing: Smoothing
    method: ClassVar[str] = "smoothing"
    norm: ClassVar[str] = "l2"

    @classmethod
    def of(cls, **settings: Any) -> Certifier:
        """Returns the method with the fields of `Smoothing` by name."""
        if "sigma" not in settings:
            raise ValueError(
                "`sigma` must be given for smoothing: the standard deviation "
                "of the noise, such as that of the training. Received: none"
            )
        return cls(Smoothing(**settings))

    def check(self, model: keras.Model) -> None:
        """Takes every classifier."""

    def __call__(self, context: EvaluationContext) -> Certificate:
        """Returns the certificate of the samples."""
        samples = context.samples
        # In the model's own type, whatever type attacks search in.
        predict = context.predict.frozen()
        votes = {
            purpose: self._traced(context, predict, purpose)
            for purpose in ("selection", "radius")
        }
        found = []
        for row in range(len(samples)):
            (x,), (y,) = samples.rows(np.array([row]))
            count = functools.partial(
                _count, votes, context.batch_size, x, samples.first + row
            )
            label, radius = self.smoothing.certify(count)
            found.append(radius if label == y else 0.0)
            context.progress(self.method, row + 1, len(samples))
        eps = float(context.threat_model.eps)
        return Certificate(
            self.method,
            repr(self.smoothing),
            tuple(radius > eps for radius in found),
            tuple(found),
            "radius",
            of_classifier=False,
        )

    def _traced(
        self,
        context: EvaluationContext,
        predict: FrozenPredictor,
        purpose: str,
    ) -> tf.types.experimental.PolymorphicFunction:
        votes = tf.function(
            NoisyVotes(
                predict,
                self.smoothing.sigma,
                context.seed,
                purpose,
            ),
            input_signature=[
                tf.TensorSpec(context.samples.images.shape[1:], tf.float32),
                tf.TensorSpec((), tf.int64),
                tf.TensorSpec((None,), tf.int64),
                tf.TensorSpec((None,), tf.int32),
            ],
            autograph=False,
        )
        votes.get_concrete_function()
        return votes


def _count(
    traced: dict[str, tf.types.experimental.PolymorphicFunction],
    batch_size: int,
    x: np.ndarray,
    row: int,
    purpose: str,
    draws: int,
) -> np.ndarray:
    """The votes of each class, in passes of at most `batch_size` draws."""
    blocks, used = blocks_of(draws)
    function = functools.partial(traced[purpose], x, np.int64(row))
    size = max(1, batch_size // BLOCK)
    votes = [
        run_in_parallel(function, blocks[part], used[part]).sum(axis=0)
        for part in batches_of(np.arange(len(blocks)), size)
    ]
    return np.sum(votes, axis=0)
