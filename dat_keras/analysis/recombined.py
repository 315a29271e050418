"""Accuracy on images recombined with the amplitudes of DAT's generator.

x_hat(ratio) = clip(F^-1(ratio * G(x) + (1 - ratio) * A(x), P(x)), 0, 1)
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dat_keras.analysis.model_spectra import Recombined
from dat_keras.analysis.radial import Rings
from dat_keras.core.random import BatchKey
from dat_keras.evaluation.context import EvaluationContext, misclassified
from dat_keras.objectives.dat.generator import (
    AmplitudeAdversary,
    BorrowedAmplitude,
)
from dat_keras.objectives.step import Step
from dat_keras.spectral import amplitude_phase, recombine

RATIOS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the generated amplitude; training draws them from `[0, mu]`."""


def measure_recombined(
    context: EvaluationContext,
    adversary: AmplitudeAdversary | BorrowedAmplitude,
    shown: int,
) -> tuple[Recombined, np.ndarray, np.ndarray]:
    """Classifies recombined images along the ratio.

    The generator reads batch statistics, so its amplitudes, unlike everything
    else, depend on the batch size.

    Args:
        context: The classifier and the images.
        adversary: Gives the amplitudes.
        shown: Number of images to return.

    Returns:
        The counts; the first images at each ratio, `(R, shown, H, W, C)`; and
        their mixed amplitudes, `(R, shown, C, H, W)`.
    """
    count = len(context.samples)
    rings = Rings.of(*context.samples.images.shape[1:3])
    correct = np.zeros(len(RATIOS), int)
    sums = np.zeros((2, len(rings.counts)))
    pictures, spectra = [], []
    # Batches of nearly equal size: no remainder of one image.
    batches = -(-count // context.batch_size)
    for number, rows in enumerate(np.array_split(np.arange(count), batches)):
        x, y = context.samples.rows(rows)
        own, phase = amplitude_phase(tf.constant(x))
        generated = _generated(context, adversary, x, y, own, number)
        for i, ratio in enumerate(RATIOS):
            mixed = ratio * generated + (1.0 - ratio) * own
            image = tf.clip_by_value(recombine(mixed, phase), 0.0, 1.0).numpy()
            correct[i] += (~misclassified(context.logits(image), y)).sum()
            if number == 0:
                pictures.append(image[:shown])
                spectra.append(mixed[:shown].numpy())
        for i, amplitude in enumerate((own, generated)):
            logs = np.log1p(amplitude.numpy()).mean(1, dtype=np.float64)
            sums[i] += rings.sums(logs.sum(0)) / rings.counts
        context.progress("recombined", int(rows[-1]) + 1, count)
    mean = sums / count
    recombined = Recombined(
        RATIOS,
        tuple(correct.tolist()),
        tuple(mean[0].tolist()),
        tuple(mean[1].tolist()),
    )
    return recombined, np.stack(pictures), np.stack(spectra)


def _generated(
    context: EvaluationContext,
    adversary: AmplitudeAdversary | BorrowedAmplitude,
    x: np.ndarray,
    y: np.ndarray,
    own: tf.Tensor,
    number: int,
) -> tf.Tensor:
    """The generated amplitudes of a batch, shape `(B, C, H, W)`."""
    images = tf.constant(x)
    key = BatchKey.of(context.seed, number).fold_in("recombined")
    step = Step(
        context.predict,
        images,
        images,
        tf.constant(y),
        tf.constant(1.0),
        key,
        adversary,
    )
    return adversary.drawn(own, adversary.condition(step, images), key)[0]
