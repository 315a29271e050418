"""Figures of images: variants, spectra of one image, recombined images."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from dat_keras.analysis.along_training import AlongTraining
from dat_keras.analysis.measure import Pictures
from dat_keras.analysis.model_spectra import VARIANTS
from dat_keras.analysis.plot_style import (
    draw_image,
    new_figure,
    without_ticks,
    wrapped,
)


def variants_figure(name: str, pictures: Pictures, caption: str) -> Figure:
    """The first images, their variants and the changes, amplified.

    Args:
        name: Name of the model.
        pictures: Its images.
        caption: What was measured.
    """
    images = pictures.images
    change = images[1:] - images[0]
    # Not the maximum: one pixel at an edge may change much more than all.
    gain = 0.4 / max(float(np.quantile(np.abs(change), 0.99)), 1e-6)
    gain = float(f"{gain:.1g}")
    shown = images.shape[1]
    height, width = images.shape[2:4]
    cell = 1.35
    figure = new_figure(
        7 * cell + 0.3, shown * (cell * height / width + 0.3) + 1.1, caption
    )
    figure.suptitle(wrapped(name, 80), fontsize=10)
    axes = figure.subplots(shown, 7, squeeze=False)
    for row in range(shown):
        label = pictures.labels[row]
        for i, variant in enumerate(VARIANTS):
            answer = pictures.classes[i, row]
            mark = "right" if answer == label else "wrong"
            draw_image(axes[row, i], images[i, row])
            axes[row, i].set_title(
                f"{variant}\nclass {answer}, {mark}", fontsize=7
            )
        for i, variant in enumerate(VARIANTS[1:]):
            axis = axes[row, 4 + i]
            draw_image(axis, np.clip(0.5 + gain * change[i, row], 0, 1))
            axis.set_title(f"{variant} - x\ntimes {gain:g}", fontsize=7)
    return figure


def spectra_figure(name: str, pictures: Pictures, caption: str) -> Figure:
    """Amplitude and phase of the first image, of `x'`, and their change.

    Colour images are shown by the mean of their channels.

    Args:
        name: Name of the model.
        pictures: Its images.
        caption: What was measured.
    """
    grey = pictures.images[:2, 0].mean(-1)
    spectra = np.fft.fftshift(np.fft.fft2(grey), axes=(-2, -1))
    logs = np.log1p(np.abs(spectra))
    angles = np.angle(spectra)
    turn = np.angle(spectra[1] * spectra[0].conj())
    ratio = grey.shape[-2] / grey.shape[-1]
    figure = new_figure(8.6, 2 * (2.2 * ratio + 0.4) + 0.9, caption)
    figure.suptitle(
        wrapped(f"{name}: image 0, mean of its channels", 80), fontsize=10
    )
    axes = figure.subplots(2, 3)
    top = float(logs.max())
    reach = max(float(np.abs(logs[1] - logs[0]).max()), 1e-6)
    panels = [
        ("log(1 + amplitude) of x", logs[0], "cividis", 0, top),
        ("log(1 + amplitude) of x'", logs[1], "cividis", 0, top),
        ("their difference", logs[1] - logs[0], "PuOr", -reach, reach),
        ("phase of x (radians)", angles[0], "twilight", -np.pi, np.pi),
        ("phase of x' (radians)", angles[1], "twilight", -np.pi, np.pi),
        ("change of phase", turn, "PuOr", -np.pi, np.pi),
    ]
    for axis, (title, values, colors, low, high) in zip(
        axes.flat, panels, strict=True
    ):
        drawn = axis.imshow(
            values, cmap=colors, vmin=low, vmax=high, interpolation="nearest"
        )
        axis.set_title(title, fontsize=8)
        without_ticks(axis)
        bar = figure.colorbar(drawn, ax=axis, shrink=0.8)
        bar.ax.tick_params(labelsize=7)
    return figure


def recombined_figure(
    name: str, pictures: Pictures, ratios: tuple[float, ...], caption: str
) -> Figure:
    """The first images along the ratio, each above its amplitude.

    Args:
        name: Name of the model.
        pictures: Its images, recombined ones among them.
        ratios: Shares of the generated amplitude.
        caption: What was measured.
    """
    images, amplitudes = pictures.recombined, pictures.amplitudes
    if images is None or amplitudes is None:
        raise ValueError(f"{name} has no recombined images to draw.")
    shown, (height, width) = images.shape[1], images.shape[2:4]
    logs = np.log1p(np.fft.fftshift(amplitudes, axes=(-2, -1)).mean(2))
    cell = 1.35
    figure = new_figure(
        len(ratios) * cell + 0.3,
        2 * shown * (cell * height / width + 0.1) + 1.1,
        caption,
    )
    figure.suptitle(
        wrapped(f"{name}: image, log(1 + amplitude)", 60), fontsize=9
    )
    axes = figure.subplots(2 * shown, len(ratios), squeeze=False)
    for column, ratio in enumerate(ratios):
        for row in range(shown):
            above, below = axes[2 * row, column], axes[2 * row + 1, column]
            draw_image(above, images[column, row])
            below.imshow(
                logs[column, row],
                cmap="cividis",
                vmin=0,
                vmax=float(logs[:, row].max()),
                interpolation="nearest",
            )
            without_ticks(below)
        axes[0, column].set_title(f"ratio {ratio:g}", fontsize=8)
    return figure


def along_training_figure(
    name: str, along: AlongTraining, caption: str
) -> Figure:
    """An image along the ratio, and the generator's amplitude, by epoch.

    Args:
        name: Name of the model.
        along: What its run logged.
        caption: What was measured.
    """
    height, width = along.images.shape[2:4]
    columns, cell = len(along.ratios) + 1, 1.35
    figure = new_figure(
        columns * cell + 0.6,
        len(along.epochs) * (cell * height / width + 0.1) + 1.1,
        f"{caption}; first image of the run's log, no attack here",
    )
    figure.suptitle(wrapped(f"{name}: along training", 60), fontsize=9)
    axes = figure.subplots(len(along.epochs), columns, squeeze=False)
    for row, epoch in enumerate(along.epochs):
        shown = [*along.images[row], along.amplitudes[row]]
        for axis, image in zip(axes[row], shown, strict=True):
            draw_image(axis, image / 255)
        axes[row, 0].set_ylabel(f"epoch {epoch}", fontsize=8)
    titles = ["x", *(f"ratio {r:g}" for r in along.ratios[1:]), "log(1 + A)"]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=8)
    return figure
