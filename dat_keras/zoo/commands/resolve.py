"""One answer to what a user names: a path, a zoo name or a repository."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.training.run_info import load_classifier
from dat_keras.zoo.bundle.folder import is_model_folder
from dat_keras.zoo.bundle.read import ReadModel, read_folder
from dat_keras.zoo.commands.load import load
from dat_keras.zoo.commands.sources import is_path
from dat_keras.zoo.hub.client import Hub


@dataclass(frozen=True)
class Resolved:
    """A classifier, and the data it was made for as far as is known.

    Args:
        model: Maps images to logits.
        dataset: Name of the data set; `None` if nothing says it.
        data_dir: Where the data set was, if somewhere special.
    """

    model: keras.Model
    dataset: str | None = None
    data_dir: str | None = None


def resolve(
    source: str | os.PathLike[str],
    weights: str = "best",
    hub: Hub | None = None,
) -> Resolved:
    """The classifier that a user names.

    What exists as a path, or lies in a folder that does, is a path. Anything
    else that can be a reference is one.

    Args:
        source: A run folder, a `.keras` file that is trusted, the folder of a
            pulled model, a zoo name or `namespace/name[@revision]`.
        weights: `"best"` or `"last"`, for a run folder.
        hub: How to talk to the Hub.

    Raises:
        DatKerasError: If there is no such model, or it is damaged.
    """
    path = Path(source)
    if is_model_folder(path):
        return _read(read_folder(path))
    if is_path(path):
        loaded = load_classifier(path, weights)
        if loaded.info is None:
            return Resolved(loaded.model)
        info = loaded.info
        return Resolved(loaded.model, info.recipe.dataset, info.data_dir)
    return _read(load(str(source), hub or Hub()))


def _read(read: ReadModel) -> Resolved:
    return Resolved(read.model, read.spec.dataset)
