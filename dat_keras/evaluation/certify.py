"""`certify`: the certified accuracy of a classifier."""

from __future__ import annotations

import keras

from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.samples import Data


def certify(
    model: keras.Model,
    data: Data,
    method: str = "crown-ibp",
    *,
    eps: float | None = None,
    sigma: float | None = None,
    draws: int | None = None,
    n_examples: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Proves a classifier right on balls around images, where it can.

    The share of images that are right and stay right is a lower bound of the
    robust accuracy: no attack can go below it. `evaluate(...,
    certify=method)` shows it beside attacks on the same images.

    Args:
        model: Maps images `(B, H, W, C)` in `[0, 1]` to logits `(B, K)`; for
            `"ibp"` and `"crown-ibp"` functional. `dk.certify` also takes what
            `dk.load_model` does.
        data: As for `evaluate`.
        method: `"crown-ibp"` or `"ibp"`, which bound the classifier in Linf,
            or `"smoothing"`, which certifies in L2 the classifier that
            averages over Gaussian noise, with probability 0.999 an image.
        eps: Radius in pixel units of `[0, 1]`. Default: 8/255 in Linf, 0.5
            in L2.
        sigma: Standard deviation of the noise, for `"smoothing"` alone.
        draws: Draws for each radius, for `"smoothing"` alone. Default: the
            paper's, 100 000.
        n_examples: Number of images. Default: all.
        batch_size: Images per batch; of draws, for smoothing.
        seed: Seed of the draws.
        progress: Called as `progress(name, done, total)`.

    Returns:
        A report with natural accuracy; its `certificate` has the flag and
        the bound of each image.

    Raises:
        ValueError: If an argument is unknown, out of range or without effect,
            or a layer has no bounds; it names the layer.

    Example:
    >>> import numpy as np
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> x = np.array([[[[0.5, 0.4]]], [[[0.5, 0.1]]]])
    >>> report = certify(keras.Sequential(layers), (x, [0, 0]), eps=0.1)
    >>> report["natural"].accuracy, report.certificate.accuracy
    (1.0, 0.5)
    """
    certifier = certifier_of(method, sigma=sigma, draws=draws)
    return evaluate(
        model,
        data,
        "natural",
        norm=certifier.norm,
        eps=eps,
        certify=certifier,
        n_examples=n_examples,
        batch_size=batch_size,
        seed=seed,
        progress=progress,
    )
