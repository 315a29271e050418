"""Bundled zoo models: cards, and weights or their pinned Hub commit."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from dat_keras.utils.files import sha256_of
from dat_keras.utils.registry import lookup
from dat_keras.zoo.bundle.headers import check_finite, check_header
from dat_keras.zoo.bundle.layout import WEIGHTS
from dat_keras.zoo.bundle.plain_json import read_json
from dat_keras.zoo.bundle.shapes import shapes_of
from dat_keras.zoo.cards.results import NORMS
from dat_keras.zoo.cards.spec import FileRecord, ModelSpec, read_spec
from dat_keras.zoo.errors import (
    BadReferenceError,
    NotFoundError,
    RefusedContentError,
)
from dat_keras.zoo.hub.pull import Pulled
from dat_keras.zoo.hub.reference import HubRef


@dataclass(frozen=True)
class ZooCard:
    """A model of the zoo by name.

    Args:
        name: Its name, unique for a data set and a threat model.
        spec: Its checked config.
        files: Sizes and hashes of its files.
        reports: Its evaluations, as plain data.
        hub: Where it is published, pinned to a commit, if it is.
        provenance: Command, hardware and time of its training.
    """

    name: str
    spec: ModelSpec
    files: Mapping[str, FileRecord]
    reports: tuple[Mapping[str, Any], ...]
    hub: HubRef | None
    provenance: Mapping[str, Any]

    @property
    def weights(self) -> Traversable:
        """The bundled file of weights; it need not exist."""
        return zoo_root() / "weights" / f"{self.name}.safetensors"


def zoo_root() -> Traversable:
    """The folder of the data, installed or in a checkout.

    Example:
    >>> (zoo_root() / "README.md").is_file()
    True
    """
    installed = files("dat_keras") / "_zoo"
    if installed.is_dir():
        return installed
    return Path(__file__).parents[3] / "zoo"


def cards() -> list[ZooCard]:
    """All cards, by name; none where the folder is missing.

    Raises:
        RefusedContentError: If one is damaged.
    """
    folder = zoo_root() / "cards"
    found = [
        read_card(path.read_bytes(), path.name.removesuffix(".json"))
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name.endswith(".json")
    ]
    return sorted(found, key=lambda card: card.name)


def read_card(data: bytes, name: str) -> ZooCard:
    """Reads a card.

    Args:
        data: Its JSON.
        name: The name of its file, which must be the model's.

    Raises:
        RefusedContentError: If it is no card.
    """
    content = read_json(data, f"{name}.json")
    if content.get("name") != name:
        raise RefusedContentError(f"{name}.json is the card of another model")
    spec, records = read_spec(content)
    hub = content.get("hub")  # Bundled weights: none.
    reports = content.get("reports", [])
    provenance = content.get("provenance", {})
    for field, value, kind in (
        ("hub", {} if hub is None else hub, dict),
        ("reports", reports, list),
        ("provenance", provenance, dict),
    ):
        if not isinstance(value, kind):
            raise RefusedContentError(
                f"{name}.json is refused: `{field}` is no {kind.__name__}"
            )
    if hub is not None and not hub.keys() >= {"repo", "revision"}:
        raise RefusedContentError(
            f"{name}.json is refused: `hub` names no repo and revision"
        )
    return ZooCard(
        name=name,
        spec=spec,
        files=records,
        reports=tuple(reports),
        hub=None if hub is None else HubRef(hub["repo"], hub["revision"]),
        provenance=provenance,
    )


def find(
    name: str, dataset: str | None = None, threat_model: str | None = None
) -> ZooCard:
    """The card of a name.

    Args:
        name: Name of the model, in any case.
        dataset: Data set, where several have such a model.
        threat_model: Norm, `"Linf"` or `"L2"`, likewise.

    Raises:
        NotFoundError: If there is none; the message has the nearest name.
        BadReferenceError: If there are several.
    """
    known = matching(dataset, threat_model)
    found = [c for c in known if c.name.casefold() == name.casefold()]
    if len(found) > 1:
        raise BadReferenceError(
            f"several models are called {name}", "name it as `list` does"
        )
    if found:
        return found[0]
    folded = {card.name.casefold(): card.name for card in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    question = f"did you mean {folded[near[0]]!r}? Or " if near else ""
    raise NotFoundError(
        f"Unknown zoo model {name!r}",
        f"{question}see `dat-keras list`, or name `namespace/model`",
    )


@contextlib.contextmanager
def checked_weights(card: ZooCard) -> Iterator[Path]:
    """Yields the bundled file of weights, once it is known to be whole.

    Args:
        card: The card.

    Raises:
        RefusedContentError: If it is not what the card says.
    """
    record = card.files.get(WEIGHTS)
    with as_file(card.weights) as path:
        if record is None or sha256_of(path) != record.sha256:
            raise RefusedContentError(
                f"the weights of {card.name} do not match their sha256",
                "reinstall dat_keras",
            )
        check_header(path, shapes_of(card.spec))
        check_finite(path)
        yield path


def check_pulled(card: ZooCard, pulled: Pulled) -> None:
    """Refuses other weights than those that a card vouches for.

    Raises:
        RefusedContentError: If the sha256 differ.
    """
    found = {f.path: f.sha256 for f in pulled.files}[WEIGHTS]
    if found is not None and found != card.files[WEIGHTS].sha256:
        raise RefusedContentError(
            f"the weights of {pulled.ref} do not match its card",
            "update dat_keras",
        )


def norm_of(threat_model: str | None) -> str | None:
    """The norm that a user names, in any case.

    Args:
        threat_model: Such as `"Linf"`; `None` is any.

    Raises:
        ValueError: If there is no such norm.

    Example:
    >>> norm_of("Linf")
    'linf'
    """
    if threat_model is None:
        return None
    norm = threat_model.casefold()
    lookup(NORMS, norm, "threat model")
    return norm


def matching(
    dataset: str | None = None, threat_model: str | None = None
) -> list[ZooCard]:
    """The cards for a data set and a threat model, by name.

    Args:
        dataset: Name of the data set; `None` is any.
        threat_model: Norm, in any case; `None` is any.

    Raises:
        ValueError: If there is no such norm.
    """
    norm = norm_of(threat_model)
    return [
        card
        for card in cards()
        if dataset in (None, card.spec.dataset)
        and norm in (None, card.spec.norm)
    ]
