"""The pretrained net that a run begins at, as a recipe records it."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.classifiers.input_adapter import PREPROCESSING
from dat_keras.classifiers.pretrained import last_layers
from dat_keras.utils.ranges import RangeChecked, Weight
from dat_keras.utils.registry import lookup

OF_PRESET = "keras-hub"
"""The adapter whose settings are those of a KerasHub preset."""


@dataclass(frozen=True)
class Pretrained(RangeChecked):
    """Where a classifier comes from, and how it is made ready.

    Args:
        source: A run folder, a `.keras` file, a model of the zoo or the Hub,
            or a KerasHub preset folder.
        sha256: Fingerprint of the source: a run begun at it is not resumed
            with another.
        adapter: Key of `PREPROCESSING`, or `keras-hub`: that of a preset.
        trainable: `all`, `head` or `last:N`.
        body_rate: Factor on the learning rate of all weights but the head's.

    Example:
    >>> Pretrained("runs/a", "0" * 64, trainable="body")
    Traceback (most recent call last):
    ...
    ValueError: `trainable` must be 'all', 'head', or 'last:N' with N from 1.
    Received: trainable='body'
    """

    source: str
    sha256: str
    adapter: str = "none"
    trainable: str = "all"
    body_rate: Weight = 1.0

    def __post_init__(self) -> None:
        """Refuses unknown names."""
        super().__post_init__()
        lookup({**PREPROCESSING, OF_PRESET: {}}, self.adapter, "adapter")
        last_layers(self.trainable)
