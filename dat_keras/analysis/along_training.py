"""Recombined images along training, read from a run's TensorBoard log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from dat_keras.training.adversarial_images import RATIOS, recombined_tag

MOST = 8
"""Epochs that are shown at most."""

COLUMNS = {0.0: "x"} | {ratio: recombined_tag(ratio) for ratio in RATIOS}
"""Names in the log by the share of the generated amplitude."""

AMPLITUDE = "amplitude"
"""Name in the log of the generated amplitude."""


@dataclass(frozen=True, eq=False)
class AlongTraining:
    """The first logged image, recombined after some epochs of a training.

    Args:
        epochs: The epochs, from 0.
        ratios: Shares of the generated amplitude, the image itself first.
        images: At each epoch and ratio, bytes, shape `(E, R, H, W, C)`.
        amplitudes: `log(1 + A)` of the generator, by its largest value,
            bytes, shape `(E, H, W, 1)`.
    """

    epochs: tuple[int, ...]
    ratios: tuple[float, ...]
    images: np.ndarray
    amplitudes: np.ndarray


def along_training(folder: Path) -> AlongTraining | None:
    """Reads what `AdversarialImages` logged with its usual ratios.

    Args:
        folder: Folder of the log; of epochs logged twice, as a resumed run
            does, the later images are taken.

    Returns:
        At most `MOST` epochs, the first and the last among them; `None` if
        the folder holds no recombined images.
    """
    logged: dict[int, dict[str, np.ndarray]] = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for epoch, tag, image in _first_images(file):
            logged.setdefault(epoch, {})[tag] = image
    names = {*COLUMNS.values(), AMPLITUDE}
    epochs = sorted(e for e, found in logged.items() if found.keys() >= names)
    if not epochs:
        return None
    chosen = np.linspace(0, len(epochs) - 1, min(MOST, len(epochs)))
    shown = tuple(epochs[i] for i in chosen.round().astype(int))
    return AlongTraining(
        shown,
        tuple(COLUMNS),
        np.stack([[logged[e][tag] for tag in COLUMNS.values()] for e in shown]),
        np.stack([logged[e][AMPLITUDE] for e in shown]),
    )


def _first_images(file: Path) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yields epoch, name and first image of each entry of a file."""
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    while True:
        try:
            event = tf.compat.v1.Event.FromString(next(records))
        except (StopIteration, tf.errors.DataLossError):
            # A killed run leaves half a record at the end.
            return
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "images":
                # Width, height, then the images.
                png = value.tensor.string_val[2]
                yield event.step, value.tag, tf.io.decode_png(png).numpy()
