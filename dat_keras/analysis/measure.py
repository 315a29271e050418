"""Measures one classifier: swaps at every radius, bands, recombined images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from dat_keras.analysis.along_training import AlongTraining
from dat_keras.analysis.band_swap import octaves, partners, swap_band
from dat_keras.analysis.model_spectra import (
    VARIANTS,
    BandCount,
    ModelSpectra,
    SwapCounts,
)
from dat_keras.analysis.radial import SpectralChange
from dat_keras.analysis.recombined import measure_recombined
from dat_keras.analysis.spectral_swap import swap_spectra
from dat_keras.analysis.subject import Subject
from dat_keras.attacks import attack_of_name
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.core.weights import fingerprint
from dat_keras.evaluation.context import EvaluationContext, misclassified
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.samples import batches_of
from dat_keras.evaluation.sanity_checks import sanity_cautions
from dat_keras.utils.norms import pixel_fraction

SHOWN = 3
"""Images in a picture."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """The first images of an analysis, for figures.

    Args:
        images: In the order of `VARIANTS`, shape `(4, S, H, W, C)`.
        classes: The classifier's answers, shape `(4, S)`.
        labels: The right answers, shape `(S,)`.
        recombined: At each ratio, `(R, S, H, W, C)`, if there is a generator.
        amplitudes: Of these, `(R, S, C, H, W)`.
        along: An image recombined along training, if the run logged it.
    """

    images: np.ndarray
    classes: np.ndarray
    labels: np.ndarray
    recombined: np.ndarray | None = None
    amplitudes: np.ndarray | None = None
    along: AlongTraining | None = None


def measure(
    name: str,
    subject: Subject,
    context: EvaluationContext,
    attack: str,
    norm: str,
    radii: tuple[float, ...],
) -> tuple[ModelSpectra, Pictures]:
    """Measures a classifier.

    Args:
        name: What the report calls it.
        subject: The classifier and its generator.
        context: The same classifier with images and settings.
        attack: Key of `ATTACKS`, or `pgdN`.
        norm: Key of `THREAT_MODELS`.
        radii: Radii in pixel units, smallest first.

    Returns:
        The numbers, and the first images at the largest radius.
    """
    cautions = sanity_cautions(context)
    swaps = []
    for eps in radii:
        counts, change, pictures = _swaps(context, attack, norm, eps)
        swaps.append(counts)
    pictures = replace(pictures, along=subject.along)
    recombined = None
    if subject.adversary is not None:
        recombined, images, amplitudes = measure_recombined(
            context, subject.adversary, SHOWN
        )
        pictures = replace(pictures, recombined=images, amplitudes=amplitudes)
    spectra = ModelSpectra(
        name,
        fingerprint(subject.classifier),
        tuple(swaps),
        change.profile(),
        _bands(context),
        recombined,
        subject.generator,
        cautions,
    )
    return spectra, pictures


def _swaps(
    context: EvaluationContext, attack: str, norm: str, eps: float
) -> tuple[SwapCounts, SpectralChange, Pictures]:
    """Attacks every image, wrong ones too, and classifies what it made."""
    samples = context.samples
    search = context.traced(
        attack, attack_of_name(attack, THREAT_MODELS[norm](eps))
    )
    change = SpectralChange(*samples.images.shape[1:3])
    right = np.zeros((len(VARIANTS), len(samples)), bool)
    sizes = np.zeros(len(VARIANTS))
    shown: list[tuple[np.ndarray, np.ndarray]] = []
    for rows in batches_of(np.arange(len(samples)), context.batch_size):
        x, y = samples.rows(rows)
        x_adv = run_in_parallel(search, x, y, rows)
        swapped = swap_spectra(tf.constant(x), tf.constant(x_adv))
        variants = [x, x_adv, *(part.numpy() for part in swapped)]
        for i, images in enumerate(variants):
            logits = context.logits(images)
            right[i, rows] = ~misclassified(logits, y)
            distance = np.square(images - x).sum((1, 2, 3), dtype=np.float64)
            sizes[i] += np.sqrt(distance).sum()
            if rows[0] == 0:
                shown.append((images[:SHOWN], logits[:SHOWN].argmax(-1)))
        change.add(x, x_adv)
        title = f"{attack} eps {pixel_fraction(eps)}"
        context.progress(title, int(rows[-1]) + 1, len(samples))
    amp, pha = right[2], right[3]
    counts = SwapCounts(
        eps,
        tuple(right.sum(1).tolist()),
        int((~amp & pha).sum()),
        int((amp & ~pha).sum()),
        tuple((sizes / len(samples)).tolist()),
    )
    images, classes = (np.stack(part) for part in zip(*shown, strict=True))
    labels = samples.labels[:SHOWN]
    return counts, change, Pictures(images, classes, labels)


def _bands(context: EvaluationContext) -> tuple[BandCount, ...]:
    """Classifies images with another's amplitudes in one band after another."""
    samples = context.samples
    height, width = samples.images.shape[1:3]
    bands = octaves(height, width)
    masks = [band.mask(height, width) for band in bands]
    lenders = partners(len(samples), context.seed)
    correct = np.zeros(len(bands), int)
    for rows in batches_of(np.arange(len(samples)), context.batch_size):
        x, y = samples.rows(rows)
        other, _ = samples.rows(lenders[rows])
        for i, mask in enumerate(masks):
            swapped = swap_band(tf.constant(x), tf.constant(other), mask)
            logits = context.logits(swapped.numpy())
            correct[i] += (~misclassified(logits, y)).sum()
        context.progress("bands", int(rows[-1]) + 1, len(samples))
    return tuple(
        BandCount(band.name, band.high, int(count))
        for band, count in zip(bands, correct, strict=True)
    )
