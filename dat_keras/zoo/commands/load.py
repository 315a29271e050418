"""`load_model`: a classifier by the name it has in the zoo or on the Hub."""

from __future__ import annotations

import sys
from pathlib import Path

import keras

from dat_keras.zoo.bundle.folder import is_model_folder
from dat_keras.zoo.bundle.layout import WEIGHTS
from dat_keras.zoo.bundle.read import ReadModel, load_model_file, read_folder
from dat_keras.zoo.commands.bundled import (
    ZooCard,
    check_pulled,
    checked_weights,
    find,
)
from dat_keras.zoo.errors import UnreachableError
from dat_keras.zoo.hub.client import Hub
from dat_keras.zoo.hub.pull import Pulled, pull
from dat_keras.zoo.hub.reference import HubRef, parse


def load_model(
    model_name: str,
    dataset: str | None = None,
    threat_model: str | None = None,
    *,
    token: str | bool | None = None,
    offline: bool = False,
) -> keras.Model:
    """A trained classifier by name; RobustBench's calling convention.

    Nothing of a repository is deserialised as an object: the architecture is
    this library's own, the weights are checked for names, shapes, types,
    finite values and their sha256. Which commit a branch was is said on
    stderr: name it to get the same weights again.

    Args:
        model_name: A name of `dat-keras list`, `namespace/name[@revision]`
            on the Hugging Face Hub, or the folder of a model.
        dataset: Data set, such as `"cifar10"`; for zoo names. Default: any.
        threat_model: `"Linf"` or `"L2"`; for zoo names. Default: any.
        token: A token of the Hub. Default: that of `HF_TOKEN` or
            `hf auth login`; `False` is none.
        offline: Serve from the cache alone.

    Returns:
        A model of images `(B, H, W, C)`, float32 in `[0, 1]`, that returns
        logits `(B, K)`.

    Raises:
        ZooError: If there is no such model, or it is refused.

    Reference:
        [Croce et al., 2021](https://arxiv.org/abs/2010.09670).

    Example:
    >>> load_model("no-such-model", dataset="cifar10")
    Traceback (most recent call last):
    ...
    dat_keras.zoo.errors.NotFoundError: Unknown zoo model 'no-such-model': see
    `dat-keras list`, or name `namespace/model`
    """
    if is_model_folder(Path(model_name)):
        return read_folder(Path(model_name)).model
    hub = Hub(token, offline, _say)
    return load(model_name, hub, (dataset, threat_model)).model


def load(
    text: str,
    hub: Hub,
    filters: tuple[str | None, str | None] = (None, None),
    revision: str | None = None,
) -> ReadModel:
    """The model of a reference, with what it says of itself.

    Args:
        text: A zoo name or a repository.
        hub: How to talk to the Hub.
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
    return ReadModel(_loaded(pulled), pulled.spec)


def load_card(card: ZooCard, hub: Hub) -> ReadModel:
    """The model of a card: bundled, or at its pinned commit on the Hub."""
    if card.hub is not None and not card.weights.is_file():
        pulled = pull(card.hub, hub)
        check_pulled(card, pulled)
        return ReadModel(_loaded(pulled), pulled.spec)
    with checked_weights(card) as path:
        return ReadModel(load_model_file(card.spec, path), card.spec)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _loaded(pulled: Pulled) -> keras.Model:
    weights = pulled.local(WEIGHTS)
    if weights is None:
        raise UnreachableError(f"the weights of {pulled.ref} were not fetched")
    return load_model_file(pulled.spec, weights)
