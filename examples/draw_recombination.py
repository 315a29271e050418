"""Draws what DAT's generator does to an image, from a finished run.

python examples/draw_recombination.py runs/shapes-dat recombined.png
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from dat_keras import data
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.spectral import amplitude_phase, recombine
from dat_keras.training import checkpoint
from dat_keras.training.build import build
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.run_folder import RunFolder

RATIOS = (0.0, 0.25, 0.5, 0.75, 1.0)
IMAGES = 64
SHOWN = 2


def main(run: str, picture: str) -> None:
    folder = RunFolder(Path(run))
    info = RunInfo.read(folder.recipe)
    model = build(info.recipe, info.image_shape, len(info.class_names), 1)
    checkpoint.restore(model, folder.checkpoints)

    split = data.load_split(info.recipe.dataset, "test", data_dir=info.data_dir)
    x = tf.constant(split.images[:IMAGES], tf.float32) / 255
    logits = Predictor(model.classifier)(x)
    own, phase = amplitude_phase(x)
    other = model.adversary.amplitude(own, logits, BatchKey.of(0, 0))

    brightest = np.log1p(own.numpy().mean(1)[:SHOWN].max())
    rows, columns = 2, len(RATIOS)
    figure, axes = plt.subplots(
        rows * SHOWN, columns, figsize=(1.6 * columns, 1.7 * rows * SHOWN)
    )
    for column, ratio in enumerate(RATIOS):
        mixed = ratio * other + (1 - ratio) * own
        pixels = tf.clip_by_value(recombine(mixed, phase), 0, 1).numpy()
        spectra = np.log1p(np.fft.fftshift(mixed.numpy().mean(1), (1, 2)))
        for i in range(SHOWN):
            axes[rows * i, column].imshow(pixels[i], interpolation="nearest")
            axes[rows * i + 1, column].imshow(
                spectra[i], cmap="magma", vmin=0, vmax=brightest
            )
        axes[0, column].set_title(f"{100 * ratio:.0f} %", fontsize=10)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.tight_layout(pad=0.3)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
