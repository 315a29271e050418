"""`harden` for what names a net: a run, a file, the zoo, a preset folder."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import keras

from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.keras_hub_preset import read_preset
from dat_keras.training import harden as hardening
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.presets import is_preset
from dat_keras.zoo.commands.load import load_model


@functools.wraps(hardening.harden)
def harden(
    model: keras.Model | str | os.PathLike[str],
    *args: Any,
    adapter: InputAdapter | str | None = None,
    **kwargs: Any,
) -> AdversarialModel:
    """Loads a net that is named, and makes it ready for training."""
    if not isinstance(model, str | os.PathLike):
        net, own = model, None
    elif is_preset(Path(model)):
        net, own = read_preset(Path(model))
    else:
        net, own = load_model(model), None
    if own is not None and adapter is not None:
        raise ValueError(
            "A KerasHub preset brings its own preprocessing: leave `adapter` "
            f"out. Received: adapter={adapter!r} for {model}"
        )
    chosen = own or ("none" if adapter is None else adapter)
    return hardening.harden(net, *args, adapter=chosen, **kwargs)
