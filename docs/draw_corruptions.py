"""Draws images/corruptions.png: one image of `shapes` with every corruption.

    python docs/draw_corruptions.py

Severity 3, parameters of CIFAR-10-C; needs matplotlib.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from dat_keras.corruptions import CORRUPTIONS
from dat_keras.corruptions.corrupt import corrupt
from dat_keras.data import load_split

PICTURE = Path(__file__).resolve().parent / "images" / "corruptions.png"
ROW, SEVERITY, COLUMNS = 5, 3, 5


def draw() -> None:
    """Writes the picture."""
    images = load_split("shapes", "test").images[ROW : ROW + 1]
    x = images.astype(np.float32) / 255
    shown = {"clean": x}
    shown |= {name: corrupt(x, name, SEVERITY) for name in CORRUPTIONS}
    figure, axes = plt.subplots(4, COLUMNS, figsize=(8, 7))
    for axis, (name, image) in zip(axes.flat, shown.items(), strict=True):
        axis.imshow(image[0], interpolation="nearest")
        axis.set_title(name.replace("_", " "), fontsize=9)
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    draw()
