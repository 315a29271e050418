"""`load_model` and `load_source`: one loader for runs, files, zoo and Hub."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.classifiers.keras_hub_preset import load_preset
from dat_keras.core.threat_models import norm_of
from dat_keras.training.run_info import load_classifier
from dat_keras.utils.presets import is_preset
from dat_keras.zoo.bundle.folder import is_model_folder
from dat_keras.zoo.bundle.layout import WEIGHTS
from dat_keras.zoo.bundle.read import ReadModel, load_model_file, read_folder
from dat_keras.zoo.cards.spec import UNKNOWN_DATASET
from dat_keras.zoo.commands.bundled import (
    ZooCard,
    check_pulled,
    checked_weights,
    find,
)
from dat_keras.zoo.commands.sources import check_arguments, is_path
from dat_keras.zoo.errors import UnreachableError
from dat_keras.zoo.hub.client import Hub
from dat_keras.zoo.hub.pull import Pulled, pull
from dat_keras.zoo.hub.reference import HubRef, parse


@dataclass(frozen=True)
class LoadedModel:
    """A classifier, and the data set and norm that it was trained on.

    Args:
        model: Maps images to logits.
        dataset: Name of the data set; `None` if unknown.
        data_dir: Folder of the prepared data set, if the run named one.
        norm: Key of `THREAT_MODELS`; `None` if unknown.
    """

    model: keras.Model
    dataset: str | None = None
    data_dir: str | None = None
    norm: str | None = None


def load_model(
    model_name: str | os.PathLike[str],
    dataset: str | None = None,
    threat_model: str | None = None,
    *,
    weights: str | None = None,
    token: str | bool | None = None,
    offline: bool = False,
) -> keras.Model:
    """Loads a trained classifier from a run, a file, the zoo or the Hub.

    The first three arguments are RobustBench's. A path that exists comes
    first, then names. Models that others published are never deserialised as
    objects: the architecture is this library's own, and the weights are
    checked for names, shapes, types, finite values and their sha256. A
    `.keras` file, a preset, and the layers of a run that began at one, are
    deserialised by Keras in its safe mode, so name only those that you trust.
    The commit of a branch is printed on stderr: name it to get the same
    weights again.

    Args:
        model_name: A run folder, a `.keras` file, a folder of a KerasHub
            preset or of a pulled model, a name of `dat-keras list`, or
            `namespace/name[@revision]` on the Hugging Face Hub.
        dataset: Data set, such as `"cifar10"`; for zoo names. Default: any.
        threat_model: `"Linf"` or `"L2"`; for zoo names. Default: any.
        weights: `"best"` (on validation images), `"last"` or `"last-good"`
            (before catastrophic overfitting), for a run folder. Default:
            `"best"`.
        token: A token of the Hub. Default: that of `HF_TOKEN` or
            `hf auth login`; `False` is none.
        offline: Use the cache alone.

    Returns:
        A model of images `(B, H, W, C)`, float32 in `[0, 1]`, that returns
        logits `(B, K)`.

    Raises:
        ValueError: If an argument is unknown or does not apply to the model.
        DatKerasError: If there is no such model, or it is refused.

    Reference:
        [Croce et al., 2021](https://arxiv.org/abs/2010.09670).

    Example:
    >>> load_model("no-such-model", dataset="cifar10")
    Traceback (most recent call last):
    ...
    dat_keras.zoo.errors.NotFoundError: Unknown zoo model 'no-such-model': see
    `dat-keras list`, or name `namespace/model`
    """
    filters = (dataset, threat_model)
    check_arguments(model_name, weights, filters)
    hub = Hub(token, offline, _say)
    return load_source(model_name, weights or "best", hub, filters).model


def load_source(
    source: str | os.PathLike[str],
    weights: str = "best",
    hub: Hub | None = None,
    filters: tuple[str | None, str | None] = (None, None),
) -> LoadedModel:
    """Loads the classifier that a user names, with its data set.

    Args:
        source: See `load_model`.
        weights: `"best"` or `"last"`, for a run folder.
        hub: Client of the Hub. Default: one without a token of its own.
        filters: Data set and threat model, for zoo names.

    Raises:
        DatKerasError: If there is no such model, or it is damaged.
    """
    path = Path(source)
    if is_model_folder(path):
        return _loaded(read_folder(path))
    if is_preset(path):
        return LoadedModel(load_preset(path))
    if is_path(path):
        loaded = load_classifier(path, weights)
        if loaded.info is None:
            return LoadedModel(loaded.model)
        info = loaded.info
        recipe = info.recipe
        norm = norm_of(recipe.eval_attack.threat_model)
        return LoadedModel(loaded.model, recipe.dataset, info.data_dir, norm)
    return _loaded(load_reference(str(source), hub or Hub(), filters))


def load_reference(
    text: str,
    hub: Hub,
    filters: tuple[str | None, str | None] = (None, None),
    revision: str | None = None,
) -> ReadModel:
    """Loads a model of the zoo or of the Hub, with its spec.

    Args:
        text: A zoo name or a repository.
        hub: Client of the Hub.
        filters: Data set and threat model, for zoo names.
        revision: Revision of the repository, given apart.
    """
    ref = parse(text, revision)
    if isinstance(ref, HubRef):
        return load_hub(ref, hub)
    return load_card(find(ref, *filters), hub)


def load_hub(ref: HubRef, hub: Hub) -> ReadModel:
    """The model of a repository."""
    pulled = pull(ref, hub)
    if not ref.pinned:
        hub.say(f"{ref.repo} is at commit {pulled.commit}")
    return ReadModel(_pulled_model(pulled), pulled.spec)


def load_card(card: ZooCard, hub: Hub) -> ReadModel:
    """The model of a card: bundled, or at its pinned commit on the Hub."""
    if card.hub is not None and not card.weights.is_file():
        pulled = pull(card.hub, hub)
        check_pulled(card, pulled)
        return ReadModel(_pulled_model(pulled), pulled.spec)
    with checked_weights(card) as path:
        return ReadModel(load_model_file(card.spec, path), card.spec)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _pulled_model(pulled: Pulled) -> keras.Model:
    weights = pulled.local(WEIGHTS)
    if weights is None:
        raise UnreachableError(f"the weights of {pulled.ref} were not fetched")
    return load_model_file(pulled.spec, weights)


def _loaded(read: ReadModel) -> LoadedModel:
    dataset = read.spec.dataset
    return LoadedModel(
        read.model,
        None if dataset == UNKNOWN_DATASET else dataset,
        norm=read.spec.norm,
    )
