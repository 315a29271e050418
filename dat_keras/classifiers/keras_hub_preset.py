"""Classifiers of KerasHub's preset folders, with their preprocessing inside.

KerasHub keeps the preprocessing outside the net: an `ImageConverter` resizes
images of `[0, 255]` and scales them. An attack on the net alone would then not
be bounded in pixels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.pretrained import assembled
from dat_keras.utils.errors import DamagedFileError, MissingPackageError


def read_preset(path: Path) -> tuple[keras.Model, InputAdapter]:
    """Returns the net of a preset and the adapter that its pixels need.

    The files are deserialised by Keras in its safe mode: name only folders
    that you trust.

    Args:
        path: A folder that `ImageClassifier.save_to_preset` wrote.

    Raises:
        MissingPackageError: If KerasHub is not installed.
        DamagedFileError: If KerasHub cannot read the folder.
        ValueError: If it holds no preprocessing of images.
    """
    if importlib.util.find_spec("keras_hub") is None:
        raise MissingPackageError(
            "presets need KerasHub: pip install 'dat-keras[keras-hub]'"
        )
    import keras_hub

    try:
        net = keras_hub.models.ImageClassifier.from_preset(str(path.absolute()))
    except Exception as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise DamagedFileError(
            f"KerasHub cannot read {path}: {reason}"
        ) from error
    preprocessor = getattr(net, "preprocessor", None)
    converter = getattr(preprocessor, "image_converter", None)
    if converter is None:
        raise ValueError(
            "The preset has no image converter, so that the pixels which its "
            "net wants are not known: give the net to `dk.harden` with an "
            f"`adapter`. Received: {path}"
        )
    _, *size, channels = net.inputs[0].shape
    return net, adapter_of(converter, size, channels)


def load_preset(
    path: Path, image_shape: Sequence[int] | None = None
) -> keras.Model:
    """Returns the classifier of a preset, from pixels in `[0, 1]` to logits.

    Args:
        path: See `read_preset`.
        image_shape: `(H, W, C)` of the images. Default: what the net reads.
    """
    net, adapter = read_preset(path)
    if image_shape is None:
        _, *size, channels = net.inputs[0].shape
        image_shape = (*(adapter.size or size), channels)
    return assembled(net, adapter, image_shape)


def adapter_of(
    converter: Any, size: Sequence[Any], channels: int
) -> InputAdapter:
    """Returns the adapter that does what a converter does to pixels of bytes.

    Args:
        converter: KerasHub's `ImageConverter`, for images of `[0, 255]`.
        size: Height and width that the net reads, `None` for any.
        channels: Channels that it reads.
    """
    fixed = None if None in size else size
    factor = 1.0 if converter.scale is None else converter.scale
    scale = (255.0 * np.asarray(factor)).tolist()
    return InputAdapter(
        size=converter.image_size or fixed,
        channels=channels,
        scale=scale,
        offset=0.0 if converter.offset is None else converter.offset,
        interpolation=converter.interpolation,
        antialias=converter.antialias,
        crop_to_aspect_ratio=converter.crop_to_aspect_ratio,
        pad_to_aspect_ratio=converter.pad_to_aspect_ratio,
    )
