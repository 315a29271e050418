"""Search for this library's models on the Hub."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.zoo.cards.results import HUB_DATASETS
from dat_keras.zoo.commands.bundled import norm_of
from dat_keras.zoo.hub.client import Hub
from dat_keras.zoo.hub.reference import HubRef

EVERYTHING = HubRef("all/models")
"""Stands for the whole Hub in messages."""


@dataclass(frozen=True)
class Hit:
    """A repository that was found.

    Args:
        repo: `namespace/name`.
        commit: Its newest commit.
    """

    repo: str
    commit: str | None


def search(
    hub: Hub,
    author: str | None = None,
    dataset: str | None = None,
    threat_model: str | None = None,
) -> list[Hit]:
    """Repositories that carry this library's tag.

    Args:
        hub: Client of the Hub.
        author: Their namespace; `None` is any.
        dataset: Our name of the data set; `None` is any.
        threat_model: Norm; `None` is any.

    Raises:
        ValueError: If there is no such norm.
        ZooError: If the Hub cannot be asked.
    """
    tags = ["dat_keras"]
    norm = norm_of(threat_model)
    if norm:
        tags.append(norm)
    if dataset:
        repo = HUB_DATASETS.get(dataset, (dataset,))[0]
        tags.append(f"dataset:{repo}")
    with hub.asking(EVERYTHING) as api:
        found = list(api.list_models(filter=tags, author=author, full=True))
    return [Hit(model.id, model.sha) for model in found]
